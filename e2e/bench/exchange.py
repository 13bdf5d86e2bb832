"""One request and its response as the fault proxy sees them, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum

CHUNK = 64 * 1024
_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_NO_BODY = re.compile(rb"HTTP/1\.[01] (204|304)")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class WirePoint(StrEnum):
    SEEN = "request seen"
    """The client has sent head and body; nothing was forwarded."""
    SENT = "request sent"
    """The last byte was sent to the server."""
    ANSWERING = "answer begun"
    """The server has sent the first byte; nothing was forwarded."""
    ANSWERED = "answer passed"
    """The last byte was sent to the client."""


class Over(Exception):
    """The connections are closed."""


class Wire:
    """One side of a proxied connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.is_idle = True
        """True between two requests."""

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """With FIN, after the remaining bytes."""
        self.writer.close()

    def half_close(self) -> None:
        with contextlib.suppress(OSError):
            self.writer.write_eof()

    def reset(self) -> None:
        """Makes close() send RST and drop buffered bytes."""
        transport = self.writer.transport
        if not transport.is_closing():
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()


async def read_request(client: Wire, early: bytes) -> bytes:
    """Head and body. Raises `Over` if the client closes the connection."""
    try:
        head = early + await client.reader.readuntil(_HEAD_ENDS)
        length = _LENGTH.search(head)
        return head + (await client.reader.readexactly(int(length[1])) if length else b"")
    except asyncio.IncompleteReadError:
        raise Over from None


async def _nowhere(_: WirePoint) -> None:
    pass


class Exchange:
    def __init__(self, request: bytes, client: Wire, server: Wire) -> None:
        self.request = request
        self.client = client
        self.server = server
        self.reached: Callable[[WirePoint], Awaitable[None]] = _nowhere
        self.was_given_whole = False
        self._sent = 0
        self._answer = bytearray()
        self._end: int | None = None
        """Length of the whole response, once its head is known."""
        self._server_ended = False

    async def send(self, data: bytes) -> None:
        """Sends bytes to the server."""
        await self.server.say(data)
        self._sent += len(data)
        if self._sent >= len(self.request):
            await self.reached(WirePoint.SENT)

    async def answer(self) -> AsyncIterator[bytes]:
        """Chunks of the response, until its Content-Length or until the server closes."""
        while not self._is_whole():
            part = await self.server.reader.read(CHUNK)
            if not self._answer:
                await self.reached(WirePoint.ANSWERING)
            if not part:
                self._server_ended = True
                break
            self._answer += part
            yield part
        self.was_given_whole = True

    async def give(self, data: bytes) -> None:
        """Sends bytes to the client."""
        await self.client.say(data)

    def reset(self) -> None:
        """Raises `Over`."""
        self.client.reset()
        self.server.reset()
        raise Over

    def end_where_the_server_did(self) -> None:
        if self._server_ended or not self.was_given_whole:
            raise Over

    def _is_whole(self) -> bool:
        if self._end is None:
            self._end = _length_of(self._answer)
        return self._end is not None and len(self._answer) >= self._end


def _length_of(answer: bytearray) -> int | None:
    """None if the head is incomplete or has no Content-Length."""
    start = 0
    while True:
        head_end = answer.find(_HEAD_ENDS, start)
        if head_end < 0:
            return None
        head = bytes(answer[start:head_end])
        start = head_end + len(_HEAD_ENDS)
        if _NO_BODY.match(head):
            return start
        if not _INTERIM.match(head):
            break
    length = _LENGTH.search(head)
    return start + int(length[1]) if length and not _CLOSES.search(head) else None
