"""A proxy between browsers and plain servers that terminates TLS and knows only a few sites.

Asyncio takes each connection by itself: browsers open some that they never use, and a server that shakes hands
where it accepts (Werkzeug's) would wait on the first of them.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

_CUSTOM = re.compile(rb"\r\n(?:hx|x)-[^\r]*", re.IGNORECASE)
_HEADERS = re.compile(rb"\r\n(?:set-)?cookie:[^\r]*", re.IGNORECASE)
_CACHING = re.compile(rb"\r\ncache-control:[^\r]*", re.IGNORECASE)
NOWHERE = re.compile(rb"(?!)")


class Front:
    def __init__(self, sites: Mapping[str, int], certificates: ssl.SSLContext) -> None:
        """`sites`: host → port on loopback."""
        self.port = 0
        self.strangers: set[str] = set()
        """Other hosts that browsers asked for."""
        self.cookies: dict[str, set[str]] = {}
        """Site → its Cookie and Set-Cookie headers."""
        self.hangs_at = self.fails_at = NOWHERE
        """Requests whose first line matches get no answer, or lose their connection."""
        self.failed: list[bytes] = []
        self.hung: list[bytes] = []
        self.lets_cache = True
        self.drops_custom_headers = False
        """As some content delivery networks do."""
        self._sites = sites
        self._certificates = certificates

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, is_up: threading.Event, is_over: asyncio.Event) -> None:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        is_up.set()
        await is_over.wait()
        server.close()  # without waiting: browsers keep their connections open

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The browser closed a tab.
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            request = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = request.decode().split(" ", 2)
            host = target.removesuffix(":443")
            if method != "CONNECT" or host not in self._sites:
                self.strangers.add(target)
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await writer.start_tls(self._certificates)
                await self._connect(host, reader, writer)
        writer.close()

    async def _connect(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_site, to_site = await asyncio.open_connection("127.0.0.1", self._sites[host])
        ways = (
            self._pass_on(host, reader, to_site, self._disturbed),
            self._pass_on(host, from_site, writer, self._answered),
        )
        await asyncio.gather(*ways, return_exceptions=True)

    def _disturbed(self, request: bytes) -> bytes:
        """Nothing of one that hangs. Raises `ConnectionError` for one that fails."""
        first_line = request.partition(b"\r\n")[0]
        if self.fails_at.search(first_line):
            self.failed.append(first_line)
            raise ConnectionError
        if self.hangs_at.search(first_line):
            self.hung.append(first_line)
            return b""
        return _CUSTOM.sub(b"", request) if self.drops_custom_headers else request

    def _answered(self, answer: bytes) -> bytes:
        return answer if self.lets_cache else _CACHING.sub(b"\r\ncache-control: no-store", answer)

    async def _pass_on(
        self,
        host: str,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        disturbed: Callable[[bytes], bytes] = bytes,
    ) -> None:
        try:
            while data := await source.read(1 << 16):
                data = disturbed(data)
                for header in _HEADERS.findall(data):
                    self.cookies.setdefault(host, set()).add(header.decode("latin-1").strip())
                target.write(data)
                await target.drain()
        finally:
            target.close()


@contextmanager
def fronting(sites: Mapping[str, int], certificates: ssl.SSLContext) -> Iterator[Front]:
    """Runs on a thread of this process."""
    front, is_up = Front(sites, certificates), threading.Event()
    loop, is_over = asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(front.serve(is_up, is_over))

    thread = threading.Thread(target=run, name="front", daemon=True)
    thread.start()
    is_up.wait()
    try:
        yield front
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join()
