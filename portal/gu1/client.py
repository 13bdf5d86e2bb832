"""The HTTP client: what is sent, what comes back, and what a failure means.

    evidence                                        of a read, sync  of another write
    ──────────────────────────────────────────────  ───────────────  ────────────────
    no connection, held back by the breaker         NotSent          NotSent
    429                                             Unavailable      Unavailable
    reset, time-out, deadline, 408, 5xx             Unavailable      OutcomeUnknown
    any other 4xx                                   Refused          Refused
    3xx, an encoded, oversized or unreadable body   Malformed        Malformed

No message made here holds a key, a header, a query or a body.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx

from portal.domain.errors import Gu1Error, Malformed, NotSent, Refused, Unavailable
from portal.gu1 import operations
from portal.gu1 import request_bodies as outgoing
from portal.gu1 import validation_reader as schema
from portal.gu1.breaker import Breaker
from portal.gu1.calls import Calls
from portal.gu1.operations import Operation
from portal.gu1.parsing import parse
from portal.gu1.response import Response
from portal.http.retry_after import read_retry_after
from portal.logs import keep_quiet

T = TypeVar("T")
OnCall = Callable[[str, str, float], None]
"""Told of every call when it ends: operation, outcome, seconds."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_FAILED = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, RuntimeError)
_LONGEST_WAIT = 3600.0
# A list of whole rows that knows no pages may be long.
_MOST_BYTES_OF_A_LOOK = 4 * 1024 * 1024


class Gu1Client(Calls):
    """May be made in any thread, but belongs to the event loop that first uses it."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        integration_code: str,
        organization_id: str | None = None,
        entities_path: str = "/api/entities",
        transport: httpx.AsyncBaseTransport | None = None,
        deadline: float = 12.0,
        connect_timeout: float = 3.0,
        most_bytes: int = 256 * 1024,
        concurrency: int = 16,
        on_call: OnCall | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        """`deadline`, in seconds, is for a whole operation once it is its turn."""
        super().__init__(integration_code=integration_code, entities_path=entities_path)
        keep_quiet("httpx", "httpcore.connection", "httpcore.http11")
        self._deadline = deadline
        self._most_bytes = most_bytes
        self._turns = asyncio.Semaphore(concurrency)
        self._on_call = on_call
        self._breaker = breaker or Breaker()
        headers = outgoing.headers(api_key, organization_id)
        timeout = httpx.Timeout(deadline, connect=connect_timeout, pool=connect_timeout)
        self._reading = _http_client(base_url, headers, timeout, transport, kept_connections=concurrency)
        # A kept connection may be dead without our knowing it, and a write on it would end as "nobody knows".
        fresh = headers | {"Connection": "close"}
        self._writing = _http_client(base_url, fresh, timeout, transport, kept_connections=0)

    async def aclose(self) -> None:
        await self._reading.aclose()
        await self._writing.aclose()

    async def look(self, path: str, params: Mapping[str, str | int]) -> Response:
        """One GET and whatever gu1 answers to it: for finding out which gu1 this is, not for the portal's work."""

        async def work() -> Response:
            async with self._reading.stream(operations.LOOK.method, path, params=params) as response:
                try:
                    body = parse(await self._body(response, _MOST_BYTES_OF_A_LOOK))
                except Malformed:
                    body = None
            return Response(response.status_code, body, _retry_after(response))

        return await self._call(operations.LOOK, work)

    async def _call(
        self, operation: Operation, work: Callable[[], Awaitable[T]], judged: Callable[[T], str] | None = None
    ) -> T:
        """What holds for any call: its turn, the breaker, the deadline, the errors and the metrics."""
        async with self._turns:
            started = time.monotonic()
            outcome = operations.OK
            try:
                with self._breaker.attempt():
                    result = await self._translated(operation, work)
                outcome = judged(result) if judged else outcome
                return result
            except Gu1Error as error:
                outcome = operations.outcome_of(error)
                raise
            except BaseException:
                outcome = "unknown"
                raise
            finally:
                if self._on_call:
                    self._on_call(operation.name, outcome, time.monotonic() - started)

    async def _translated(self, operation: Operation, work: Callable[[], Awaitable[T]]) -> T:
        # `from None`: a message of the transport's may quote what was sent.
        try:
            async with asyncio.timeout(self._deadline):
                return await work()
        except _NEVER_SENT as error:
            raise NotSent(f"{operation.name}: {type(error).__name__}") from None
        except _FAILED as error:
            raise operation.failed(type(error).__name__) from None

    async def _send(
        self,
        operation: Operation,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> bytes:
        client = self._reading if operation.repeatable else self._writing
        content = None if body is None else json.dumps(body).encode()
        async with client.stream(operation.method, path, params=params, content=content) as response:
            status = response.status_code
            if response.is_success:
                return await self._body(response)
            if status == httpx.codes.TOO_MANY_REQUESTS:
                raise Unavailable(f"{operation.name}: HTTP 429", retry_after=_retry_after(response))
            if status == httpx.codes.REQUEST_TIMEOUT or response.is_server_error:
                raise operation.failed(f"HTTP {status}", retry_after=_retry_after(response))
            if response.is_client_error:
                raise await self._refusal(response)
            raise Malformed(f"{operation.name}: HTTP {status}")

    async def _refusal(self, response: httpx.Response) -> Refused:
        try:
            code, entity_id = schema.read_refusal(parse(await self._body(response)))
        except (Malformed, httpx.HTTPError):
            code = entity_id = None
        about = schema.is_about_details(response.status_code, code)
        return Refused(response.status_code, code, entity_id=entity_id, about_details=about)

    async def _body(self, response: httpx.Response, most_bytes: int | None = None) -> bytes:
        """As sent: nothing is ever inflated."""
        most_bytes = most_bytes or self._most_bytes
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Malformed("an encoded body")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > most_bytes:
                raise Malformed(f"a body of more than {most_bytes} bytes")
        return bytes(body)


def _http_client(
    base_url: str,
    headers: Mapping[str, str],
    timeout: httpx.Timeout,
    transport: httpx.AsyncBaseTransport | None,
    *,
    kept_connections: int,
) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=timeout,
        transport=transport,
        limits=httpx.Limits(max_keepalive_connections=kept_connections),
        event_hooks={"response": [_forget_location]},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )


async def _forget_location(response: httpx.Response) -> None:
    # Even where redirects are not followed, httpx would read the address, and chokes on some.
    response.headers.pop("Location", None)


def _retry_after(response: httpx.Response) -> float | None:
    return read_retry_after(response.headers.get("Retry-After"), datetime.now(UTC), most=_LONGEST_WAIT)
