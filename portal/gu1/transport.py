"""One call to gu1: its turn, its deadline, its requests, and what a failure means.

    what happened                                   read or sync     any other write
    ──────────────────────────────────────────────  ───────────────  ────────────────
    no connection, or the breaker is open           NotSent          NotSent
    the egress proxy refused                        NotSent          NotSent
    429                                             Unavailable      Unavailable
    reset, timeout, deadline, 408, 5xx              Unavailable      OutcomeUnknown
    any other 4xx                                   Refused          Refused
    3xx, an encoded, oversized or unreadable body   Malformed        Malformed

No error message contains a key, a header, a query or a body.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from portal.domain.egress_proxy import EgressProxy
from portal.domain.errors import Gu1Error, Malformed, NotSent, Refused, Unavailable
from portal.gu1 import operations
from portal.gu1.breaker import Breaker
from portal.gu1.call_limit import CallLimit
from portal.gu1.operations import Operation
from portal.gu1.parsing import parse
from portal.gu1.response import Response
from portal.gu1.validation_reader import is_about_details, read_refusal
from portal.http.client_options import HttpTransport, proxy_of, retry_after
from portal.http.connection_pool import ConnectionPool
from portal.http.plain_client import PlainClient
from portal.services.request_ids import HEADER, current_request_id

OnCall = Callable[[str, str, float], None]
"""Called when a call ends, with its operation, outcome and seconds."""
Params = Mapping[str, str | int]
Body = Mapping[str, object]

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_FAILED = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, RuntimeError)
_MAX_RETRY_AFTER = 3600.0
# An old gu1 answers without pages: the whole list at once.
_MAX_BYTES_OF_ANY_RESPONSE = 4 * 1024 * 1024


class Transport:
    """May be created in any thread, but belongs to the event loop that first uses it."""

    def __init__(
        self,
        *,
        base_url: str,
        headers: Mapping[str, str],
        transport: HttpTransport | None,
        deadline: float,
        connect_timeout: float,
        most_bytes: int,
        concurrency: int,
        on_call: OnCall | None,
        breaker: Breaker | None,
        egress_proxy: EgressProxy | None,
    ) -> None:
        self._deadline = deadline
        self._most_bytes = most_bytes
        self._limit = CallLimit(concurrency)
        self._turns = asyncio.Semaphore(concurrency)
        self._on_call = on_call
        self._breaker = breaker or Breaker()

        is_proxied = egress_proxy is not None and egress_proxy.is_for(httpx.URL(base_url).raw_host.decode("ascii"))
        proxy = proxy_of(egress_proxy) if egress_proxy and is_proxied else None

        def client(headers: Mapping[str, str], kept_connections: int) -> PlainClient:
            return PlainClient(
                transport or ConnectionPool(kept_connections, proxy),
                headers=headers,
                timeout=deadline,
                connect_timeout=connect_timeout,
                base_url=base_url,
            )

        self._reads = client(headers, kept_connections=concurrency)
        # Writes use a new connection each: a kept one may be dead, and the write's outcome would then be unknown.
        self._writes = client({**headers, "Connection": "close"}, kept_connections=0)

    @property
    def calls_allowed(self) -> int:
        """How many calls should run at once at the moment; at most `concurrency`."""
        return self._limit.current

    @property
    def is_failing(self) -> bool:
        return self._breaker.is_open

    async def aclose(self) -> None:
        await self._reads.aclose()
        await self._writes.aclose()

    @asynccontextmanager
    async def call(self, operation: Operation) -> AsyncIterator[Call]:
        """One call, of one or more requests; whatever fails inside leaves as a `Gu1Error`."""
        async with self._turns:
            client = self._reads if operation.repeatable else self._writes
            call = Call(operation, client, self._most_bytes, self._limit)
            started = time.monotonic()
            try:
                with self._breaker.attempt():
                    async with self._deadline_and_errors(operation):
                        yield call
                self._limit.answered()
            except Gu1Error as error:
                call.outcome = operations.outcome_of(error)
                raise
            except BaseException:
                call.outcome = "unknown"
                raise
            finally:
                if self._on_call:
                    self._on_call(operation.name, call.outcome, time.monotonic() - started)

    @asynccontextmanager
    async def _deadline_and_errors(self, operation: Operation) -> AsyncIterator[None]:
        # `from None`: httpx's own messages may quote what was sent.
        try:
            async with asyncio.timeout(self._deadline):
                yield
        except httpx.ProxyError as error:  # an answer to CONNECT: without TLS gu1 is only on this machine
            status = re.match(r"\d{3}\b", str(error))
            answer = status[0] if status else "something unreadable"
            raise NotSent(f"{operation.name}: the egress proxy answered {answer}") from None
        except _NEVER_SENT as error:
            raise NotSent(f"{operation.name}: {type(error).__name__}") from None
        except _FAILED as error:
            raise operation.failed(type(error).__name__) from None


@dataclass(slots=True)
class Call:
    operation: Operation
    _client: PlainClient
    _most_bytes: int
    _limit: CallLimit
    outcome: str = operations.OK
    """For the metrics."""

    async def json(self, path: str, *, params: Params | None = None, body: Body | None = None) -> object:
        """The parsed body of a 2xx."""
        return parse(await self.send(path, params=params, body=body))

    async def send(self, path: str, *, params: Params | None = None, body: Body | None = None) -> bytes:
        """The body of a 2xx."""
        operation = self.operation
        content = None if body is None else json.dumps(body).encode()
        request_id = current_request_id()
        headers = {HEADER: request_id} if request_id else {}
        async with self._client.stream(
            operation.method, path, params=params, content=content, headers=headers
        ) as response:
            status = response.status_code
            if response.is_success:
                return await _read_body(response, self._most_bytes)
            if status == httpx.codes.TOO_MANY_REQUESTS:
                self._limit.throttled()
                raise Unavailable(f"{operation.name}: HTTP 429", retry_after=_retry_after(response))
            if status == httpx.codes.REQUEST_TIMEOUT or response.is_server_error:
                raise operation.failed(f"HTTP {status}", retry_after=_retry_after(response))
            if response.is_client_error:
                raise await self._refusal(response)
            raise Malformed(f"{operation.name}: HTTP {status}")

    async def any_response(self, path: str, params: Params) -> Response:
        """Whatever gu1 answers, of any status."""
        async with self._client.stream(self.operation.method, path, params=params) as response:
            try:
                body = parse(await _read_body(response, _MAX_BYTES_OF_ANY_RESPONSE))
            except Malformed:
                body = None
            return Response(response.status_code, body, _retry_after(response))

    async def _refusal(self, response: httpx.Response) -> Refused:
        try:
            code, entity_id = read_refusal(parse(await _read_body(response, self._most_bytes)))
        except (Malformed, httpx.HTTPError):
            code = entity_id = None
        about_details = is_about_details(response.status_code, code)
        return Refused(response.status_code, code, entity_id=entity_id, about_details=about_details)


async def _read_body(response: httpx.Response, most_bytes: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Malformed("an encoded body")  # never decompressed: a small body could become a huge one
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most_bytes:
            raise Malformed(f"a body of more than {most_bytes} bytes")
    return bytes(body)


def _retry_after(response: httpx.Response) -> float | None:
    return retry_after(response, most=_MAX_RETRY_AFTER)
