"""A connection to a server, for one request after another. h11 knows HTTP, this only the socket.

httpx's own goes through four layers of locks, timeouts and pools, which are half of what a call of gu1 costs.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import cast

import h11
import httpx

_LONGEST_HEAD = 100 * 1024
_MOST_HEADS = 10
"""Of an answer, with the preliminary ones."""
_SECOND_ADDRESS_AFTER = 0.25
"""Seconds until a server's other addresses are tried beside the first, as RFC 8305 recommends."""


class DirectConnection(httpx.AsyncBaseTransport):
    """Connects with the first request, and again if the connection has ended or leads elsewhere.

    Belongs to the event loop that first uses it. Whoever uses it limits how long a request takes; only the time to
    connect is limited here, because who never connected has surely sent nothing.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._tls = tls
        self._wire: _Wire | None = None
        self._origin: tuple[str, bytes, int | None] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises `httpx.ConnectError` and `httpx.ConnectTimeout` if nothing was sent; anything else may be either."""
        url = request.url
        origin = (url.scheme, url.raw_host, url.port)
        if self._wire is None or not self._wire.is_idle or origin != self._origin:
            await self.aclose()
            self._wire, self._origin = await self._connect(request), origin
        wire = self._wire
        try:
            with _errors_as_httpx():
                wire.send(
                    h11.Request(method=request.method, target=url.raw_path, headers=request.headers.raw),
                    await request.aread(),
                )
                head = await wire.head()
        except BaseException:
            wire.close()
            raise
        return httpx.Response(head.status_code, headers=head.headers.raw_items(), stream=_Body(wire), request=request)

    async def aclose(self) -> None:
        if self._wire:
            self._wire.close()

    async def _connect(self, request: httpx.Request) -> _Wire:
        url = request.url
        host, is_encrypted = url.raw_host.decode("ascii"), url.scheme == "https"
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("connect")):
                _, wire = await asyncio.get_running_loop().create_connection(
                    _Wire,
                    host,
                    url.port or (443 if is_encrypted else 80),
                    ssl=self._tls() if is_encrypted else None,
                    happy_eyeballs_delay=None if _is_address(host) else _SECOND_ADDRESS_AFTER,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error), request=request) from error
        except (OSError, ValueError, OverflowError) as error:  # the last two for a host or port that cannot be
            raise httpx.ConnectError(str(error), request=request) from error
        return wire


class _Wire(asyncio.Protocol):
    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self._news: asyncio.Future[None] | None = None
        self._failure: Exception | None = None

    @property
    def is_idle(self) -> bool:
        """Ready for a request. Not if anything has come since the last one, which could pass for the next answer."""
        is_silent = self._http.trailing_data == (b"", False)
        is_ready = self._failure is None and is_silent and self._http.our_state is h11.IDLE
        return is_ready and not _is_readable(self._transport.get_extra_info("socket").fileno())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._http.our_state is h11.IDLE:  # nobody has asked
            self.close()
            return
        # No more than two of these are waiting: whoever reads is woken by the first, and refuses what is too long.
        self._http.receive_data(data)
        self._wake()

    def eof_received(self) -> None:
        self._http.receive_data(b"")
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._failure = error or ConnectionResetError("the connection is closed")
        self._wake()

    def send(self, request: h11.Request, body: bytes) -> None:
        http = self._http
        parts = [http.send(request), http.send(h11.Data(body)) if body else b"", http.send(h11.EndOfMessage())]
        self._transport.write(b"".join(part for part in parts if part))

    async def head(self) -> h11.Response:
        for _ in range(_MOST_HEADS):
            event = await self._event()
            if isinstance(event, h11.Response):
                return event
        raise h11.RemoteProtocolError("too many preliminary answers")

    async def body(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)

    def end_of_exchange(self) -> None:
        """Closes the connection unless it can be used again."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.close()

    def close(self) -> None:
        self._failure = self._failure or ConnectionAbortedError("closed here")
        self._transport.abort()

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._failure:
                raise self._failure
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        return cast(h11.Event, event)

    def _wake(self) -> None:
        if self._news and not self._news.done():
            self._news.set_result(None)


class _Body(httpx.AsyncByteStream):
    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_as_httpx():
            async for part in self._wire.body():
                yield part

    async def aclose(self) -> None:
        self._wire.end_of_exchange()


def _is_readable(descriptor: int) -> bool:
    """Something has come, be it the end, that the event loop has not seen yet."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _is_address(host: str) -> bool:
    """And not a name, which may have several."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@contextmanager
def _errors_as_httpx() -> Iterator[None]:
    try:
        yield
    except h11.RemoteProtocolError as error:
        raise httpx.RemoteProtocolError(str(error)) from error
    except h11.LocalProtocolError as error:
        raise httpx.LocalProtocolError(str(error)) from error
    except OSError as error:
        raise httpx.ReadError(str(error)) from error
