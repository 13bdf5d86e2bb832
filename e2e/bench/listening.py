"""The fault proxy's port: open, closed, clogged, or closing every connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

from e2e.bench.exchange import Wire

_BACKLOG = 100
_MORE_THAN_FIT = 4


class Listener:
    """Only the constructor may be called outside the proxy's event loop."""

    def __init__(self, serve: Callable[[Wire], Awaitable[None]]) -> None:
        self._serve = serve
        self._socket = _listening(0)
        self.port = int(self._socket.getsockname()[1])
        self._accepting: asyncio.Task[None] | None = None
        self._serving: dict[asyncio.Task[None], Wire] = {}
        self._clogging: list[socket.socket] = []
        self._manners = ""

    async def open(self) -> None:
        if self._socket.fileno() < 0:
            self._socket = _listening(self.port)
        self._accepting = asyncio.ensure_future(self._accept())

    async def close(self) -> None:
        await self._stop_accepting()
        self._socket.close()
        self._end_idle()

    async def hang_up(self, manners: str) -> None:
        self._manners = manners
        self._end_idle()

    async def pick_up(self) -> None:
        self._manners = ""

    async def clog(self) -> None:
        """A full backlog of length zero: Linux then drops further SYNs."""
        await self._stop_accepting()
        self._end_idle()
        self._socket.listen(0)
        for _ in range(_MORE_THAN_FIT):
            knocking = socket.socket()
            knocking.setblocking(False)
            knocking.connect_ex(("127.0.0.1", self.port))
            self._clogging.append(knocking)

    async def unclog(self) -> None:
        for knocking in self._clogging:
            knocking.close()
        self._clogging.clear()
        self._socket.listen(_BACKLOG)
        await self.open()

    async def end(self) -> None:
        await self._stop_accepting()
        self._socket.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._socket)
            client = Wire(*await asyncio.open_connection(sock=connection))
            if self._manners:
                client.reset() if self._manners == "reset" else client.close()
                continue
            task = asyncio.ensure_future(self._serve(client))
            self._serving[task] = client
            task.add_done_callback(lambda done: self._serving.pop(done, None))

    async def _stop_accepting(self) -> None:
        if self._accepting:
            self._accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._accepting
            self._accepting = None

    def _end_idle(self) -> None:
        for client in self._serving.values():
            if client.is_idle:
                client.close()


def _listening(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    bound.listen(_BACKLOG)
    bound.setblocking(False)
    return bound
