"""Carries notifications to partners' backends: one POST at a time, and whatever comes back is only an outcome.

A backend is a stranger: it may answer nothing, anything, or for ever. No word made here holds an address or a body.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Thread

import httpx

from portal.http.client import make_http_client, retry_after
from portal.services.notification import DeliveryResult

Lookup = Callable[[str, int], Sequence[str]]
"""Blocks until a host's addresses are known, the best first. Raises `OSError`."""

_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "Content-Type": "application/json",
    "User-Agent": "kyc-onboarding-portal",
}
_MAX_RETRY_AFTER = 86400.0
_MOST_ADDRESSES = 4


def _look_up(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for _family, _type, _protocol, _name, place in found]


class HttpNotifier:
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
        self._deadline = deadline
        self._most_bytes = most_bytes
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = make_http_client(
            headers=_HEADERS,
            timeout=deadline,
            connect_timeout=connect_timeout,
            transport=_ToFoundAddress(_Names(look_up), httpx.AsyncHTTPTransport(limits=limits, trust_env=False)),
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> DeliveryResult:
        answer: DeliveryResult | None = None
        try:
            async with asyncio.timeout(self._deadline):
                async with self._client.stream("POST", url, content=body, headers=dict(headers)) as response:
                    answer = DeliveryResult(response.status_code, retry_after(response, most=_MAX_RETRY_AFTER))
                    await self._throw_away(response)
        except Exception as error:  # whatever a stranger brought about; told by its kind only
            return answer or DeliveryResult(fault=_fault(error))
        return answer

    async def _throw_away(self, response: httpx.Response) -> None:
        """As much as a polite backend says; nothing is ever inflated."""
        left = self._most_bytes
        async for chunk in response.aiter_raw(self._most_bytes):
            left -= len(chunk)
            if left <= 0:
                return


class _ToFoundAddress(httpx.AsyncBaseTransport):
    """Connects to addresses that `_Names` found, while Host and certificate stay those of the name.

    Given the name, the loop would look it up once more in the threads that everybody shares.
    """

    def __init__(self, names: _Names, transport: httpx.AsyncBaseTransport) -> None:
        self._names = names
        self._transport = transport

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One address after the other until one is reached."""
        addresses = await self._names.find(request.url)
        extensions = request.extensions | {"sni_hostname": request.url.raw_host.decode("ascii")}
        for address in addresses:
            url = request.url.copy_with(host=address)
            there = httpx.Request(
                request.method, url, headers=request.headers, stream=request.stream, extensions=extensions
            )
            try:
                return await self._transport.handle_async_request(there)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                unreached = error
        raise unreached


class _Names:
    """Looks hosts up in threads of its own.

    A name server that hangs keeps its thread for longer than any deadline; in the threads that everybody shares, a
    few of those would stop the whole loop, and none of them may keep the process from ending. One host has one
    thread at most.
    """

    def __init__(self, look_up: Lookup) -> None:
        self._look_up = look_up
        self._under_way: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def find(self, url: httpx.URL) -> list[str]:
        """At least one address. Raises `OSError`, and whatever else the look-up does."""
        place = (url.raw_host.decode("ascii"), url.port or (80 if url.scheme == "http" else 443))
        looking = self._under_way.get(place)
        if looking is None:
            looking = self._under_way[place] = asyncio.get_running_loop().create_future()
            try:
                Thread(target=self._work, args=(place, looking.get_loop()), name="names", daemon=True).start()
            except Exception as error:  # no thread to be had
                self._end(place, error)
        return await asyncio.shield(looking)

    def _work(self, place: tuple[str, int], loop: asyncio.AbstractEventLoop) -> None:
        found: list[str] | Exception
        try:
            found = _worth_trying(self._look_up(*place))
        except Exception as error:
            found = error
        with suppress(RuntimeError):  # the loop has ended, and nobody asks any more
            loop.call_soon_threadsafe(self._end, place, found or socket.gaierror(socket.EAI_NONAME))

    def _end(self, place: tuple[str, int], found: list[str] | Exception) -> None:
        looking = self._under_way.pop(place)
        if isinstance(found, list):
            looking.set_result(found)
            return
        looking.set_exception(found)
        looking.exception()  # those who waited may have left


def _worth_trying(addresses: Sequence[str]) -> list[str]:
    """The best one, then one of the other IP version: often a whole version leads nowhere."""
    first, *others = dict.fromkeys(addresses) or [""]
    others.sort(key=lambda other: (":" in other) is (":" in first))
    return [first, *others][:_MOST_ADDRESSES] if first else []


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
