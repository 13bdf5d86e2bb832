"""Carries notifications to partners' backends: one POST at a time, and whatever comes back is only an outcome.

A backend is a stranger: it may answer nothing, anything, or for ever. No word made here holds an address or a body.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Thread

import httpx

from portal.logs import keep_quiet
from portal.retry_after import read_retry_after
from portal.services.notifications import Answer

Lookup = Callable[[str, int], object]
"""Blocks until a host's addresses are known. Raises `OSError`."""

_FAILED = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, RuntimeError, ValueError)
_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "Content-Type": "application/json",
    "User-Agent": "kyc-onboarding-portal",
}
_LONGEST_WAIT = 86400.0


def _look_up(host: str, port: int) -> object:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class HttpCourier:
    """May be made in any thread, but belongs to the event loop that first uses it."""

    def __init__(
        self,
        *,
        deadline: float = 15.0,
        connect_timeout: float = 5.0,
        most_bytes: int = 4096,
        look_up: Lookup = _look_up,
    ) -> None:
        """`deadline`, in seconds, is for a whole try; of an answer's body no more than `most_bytes` are read."""
        keep_quiet("httpx", "httpcore.connection", "httpcore.http11")
        self._deadline = deadline
        self._most_bytes = most_bytes
        self._names = _Names(look_up)
        self._client = httpx.AsyncClient(
            headers=_HEADERS,
            timeout=httpx.Timeout(deadline, connect=connect_timeout),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            event_hooks={"response": [_forget_location]},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=False,
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        answer: Answer | None = None
        try:
            async with asyncio.timeout(self._deadline):
                await self._names.resolve(httpx.URL(url))
                async with self._client.stream("POST", url, content=body, headers=dict(headers)) as response:
                    answer = Answer(response.status_code, _retry_after(response))
                    await self._throw_away(response)
        except _FAILED as error:
            return answer or Answer(fault=_fault(error))
        return answer

    async def _throw_away(self, response: httpx.Response) -> None:
        """As much as a polite backend says; nothing is ever inflated."""
        left = self._most_bytes
        async for chunk in response.aiter_raw(self._most_bytes):
            left -= len(chunk)
            if left <= 0:
                return


class _Names:
    """Looks hosts up before the client does, in threads of its own.

    A name server that hangs keeps its thread for longer than any deadline; in the threads that everybody shares, a
    few of those would stop the whole loop, and none of them may keep the process from ending. One host has one
    thread at most.
    """

    def __init__(self, look_up: Lookup) -> None:
        self._look_up = look_up
        self._under_way: dict[tuple[str, int], asyncio.Future[None]] = {}

    async def resolve(self, url: httpx.URL) -> None:
        """Raises `OSError`."""
        place = (url.raw_host.decode("ascii"), url.port or (80 if url.scheme == "http" else 443))
        looking = self._under_way.get(place)
        if looking is None:
            looking = self._under_way[place] = asyncio.get_running_loop().create_future()
            looking.add_done_callback(lambda _: self._under_way.pop(place))
            Thread(target=self._work, args=(place, looking), name="names", daemon=True).start()
        await asyncio.shield(looking)

    def _work(self, place: tuple[str, int], looking: asyncio.Future[None]) -> None:
        fault: Exception | None = None
        try:
            self._look_up(*place)
        except (OSError, ValueError) as error:
            fault = error
        with suppress(RuntimeError):  # the loop has ended, and nobody asks any more
            looking.get_loop().call_soon_threadsafe(_end, looking, fault)


def _end(looking: asyncio.Future[None], fault: Exception | None) -> None:
    if fault is None:
        looking.set_result(None)
        return
    looking.set_exception(fault)
    looking.exception()  # those who waited may have left


def _fault(error: Exception) -> str:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return "host not found"
    if isinstance(error, httpx.ConnectError):
        return "certificate not trusted" if _is_about_certificate(error) else "no connection"
    return type(error).__name__


def _is_about_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


async def _forget_location(response: httpx.Response) -> None:
    # Even where redirects are not followed, httpx would read the address, and chokes on some.
    response.headers.pop("Location", None)


def _retry_after(response: httpx.Response) -> float | None:
    return read_retry_after(response.headers.get("Retry-After"), datetime.now(UTC), most=_LONGEST_WAIT)
