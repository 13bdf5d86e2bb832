"""A pool of HTTP connections whose cost for each request does not grow with the number of connections.

httpx's own pool looks at every idle connection several times for each request.
"""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from typing import cast

import httpx

from portal.http.direct_connection import DirectConnection

IDLE_SECONDS = 5.0
"""After so long without a request a connection is not used again: many servers close it then, some networks forget it.
It is closed at the next request of any."""

_KEPT = httpx.Limits(max_connections=1, max_keepalive_connections=1)
_CLOSED = httpx.Limits(max_connections=1, max_keepalive_connections=0)


@cache
def tls_context() -> ssl.SSLContext:
    """Loading the certificate authorities takes longer than everything else in `create_app`."""
    return httpx.create_ssl_context(trust_env=False)


class ConnectionPool(httpx.AsyncBaseTransport):
    """Belongs to the event loop that first uses it. Does not limit how many connections are in use."""

    def __init__(self, kept_connections: int, proxy: httpx.Proxy | None = None) -> None:
        """`kept_connections`: how many idle ones stay open."""
        self._kept_connections = kept_connections
        self._proxy = proxy
        self._idle: deque[tuple[float, httpx.AsyncBaseTransport]] = deque()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._close_old()
        # The one that was used last, so that the others grow old and are closed.
        _, connection = self._idle.pop() if self._idle else (0.0, self._new_connection())
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await connection.aclose()
            raise
        stream = cast(httpx.AsyncByteStream, response.stream)
        response.stream = _WatchedStream(stream, lambda: self._put_back(connection))
        return response

    async def aclose(self) -> None:
        while self._idle:
            await self._idle.pop()[1].aclose()

    def _new_connection(self) -> httpx.AsyncBaseTransport:
        if self._proxy is None:
            return DirectConnection(tls_context)
        limits = _KEPT if self._kept_connections else _CLOSED
        return httpx.AsyncHTTPTransport(verify=tls_context(), limits=limits, proxy=self._proxy)

    async def _put_back(self, connection: httpx.AsyncBaseTransport) -> None:
        self._idle.append((time.monotonic(), connection))
        await self._close_old()

    async def _close_old(self) -> None:
        oldest = time.monotonic() - IDLE_SECONDS
        while self._idle and (len(self._idle) > self._kept_connections or self._idle[0][0] < oldest):
            await self._idle.popleft()[1].aclose()


class _WatchedStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, on_close: Callable[[], Awaitable[None]]) -> None:
        self._stream = stream
        self._on_close = on_close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
        await self._on_close()
