"""Generated requests over real sockets: such as a server passes on, and such as no client means.

What is looked for: an error 5xx, an answer without its fixed headers, memory that grows, a portal that is not well
afterwards.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

import httpx

from e2e.security_audit.attacked_portal import AttackedPortal
from tests.local_http import LOCAL
from tests.web.hostile_requests import HOME, HostileRequests, faults_of

CONNECTIONS = 32
RAW = 10
"""Of a hundred requests, those with broken framing."""
SERVERS_OWN = {400, 431}
"""Statuses with which the server itself answers what is no request; docs/security.md has the list."""
SERVERS_HEADERS = {"connection", "content-length", "date"}
_FOR_AN_ANSWER = 0.3
"""Seconds until a broken request's sender ends its side of the connection."""
_PATIENCE = 20.0
MOST_GROWTH = 32.0
"""Megabytes, from a fifth of the requests to the last."""
_RUNNERS = ("portal.services.", "portal.gu1.", "portal.runner.")
H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@dataclass
class TrafficFindings:
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    by_server: Counter[int] = field(default_factory=Counter)
    """Answers that the server gave by itself, by status."""
    unanswered: int = 0
    """Broken requests after which the connection was closed."""
    faults: list[str] = field(default_factory=list)
    log_errors: list[str] = field(default_factory=list)
    """Of the pages. The runner's are left out: gu1's mock does not know the onboardings that were only stored."""
    megabytes_before: float = 0.0
    megabytes_after: float = 0.0
    is_well: bool = False

    def all_faults(self) -> list[str]:
        grew = self.megabytes_after - self.megabytes_before
        more = {
            f"memory grew by {grew:.0f} MB": grew > MOST_GROWTH,
            "not well afterwards": not self.is_well,
        }
        return [*self.faults, *self.log_errors, *(fault for fault, is_there in more.items() if is_there)]


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    stays_open: bool


async def send_hostile_traffic(portal: AttackedPortal, requests: int, seed: int) -> TrafficFindings:
    found = TrafficFindings()
    generator, port = portal.hostile(seed), urlsplit(portal.server.url).port
    assert port
    # What is loaded with the first of a kind is no growth.
    numbers = iter(range(1, requests + 1))
    if threading.current_thread() is threading.main_thread():
        # Ctrl-C ends it early, with what was found until then.
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: deque(numbers, maxlen=0))
    await _send(generator, port, islice(numbers, requests // 5), found)
    found.megabytes_before = portal.resident_megabytes()
    await _send(generator, port, numbers, found)
    found.megabytes_after = portal.resident_megabytes()
    async with httpx.AsyncClient(base_url=portal.server.url, headers={"Host": HOME}, **LOCAL) as client:
        found.is_well = (await client.get("/healthz")).status_code == (await client.get("/readyz")).status_code == 200
    found.log_errors = [line for line in portal.server.log.read_text("utf-8").splitlines() if _is_error(line)]
    return found


def _is_error(line: str) -> bool:
    try:
        said = json.loads(line)
    except ValueError:
        return "Traceback" in line or "panicked" in line
    return said["level"] in {"error", "critical"} and not said["logger"].startswith(_RUNNERS)


async def _send(generator: HostileRequests, port: int, left: Iterator[int], found: TrafficFindings) -> None:
    chosen = random.Random(generator.word())

    async def worker() -> None:
        connection = _Connection(port)
        for number in left:
            environ = generator.request()
            found.requests += 1
            if number % 10_000 == 0:
                print(f"  {number:,} requests", file=sys.stderr, flush=True)
            if chosen.randrange(100) < RAW:
                sent = _broken(environ, generator, chosen)
                answer = await _answer_to_broken(port, sent)
            else:
                sent = _framed(environ)
                answer = await connection.answer(sent, environ["REQUEST_METHOD"])
                if answer is None:
                    found.faults.append(f"no answer: {sent[:2000]!r}")
            _judge(answer, sent, found)
        connection.close()

    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))


def _judge(answer: _Answer | None, sent: bytes, found: TrafficFindings) -> None:
    if answer is None:
        found.unanswered += 1
        return
    found.statuses[answer.status] += 1
    if answer.status in SERVERS_OWN and not answer.body and answer.headers.keys() <= SERVERS_HEADERS:
        found.by_server[answer.status] += 1
        return
    if faults := faults_of(answer.status, answer.headers, answer.body):
        found.faults.append(f"{'; '.join(faults)}: {sent[:2000]!r}")


class _Connection:
    """Kept open for the next request as long as the server does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def answer(self, sent: bytes, method: str) -> _Answer | None:
        for _ in range(2):
            is_new = self._streams is None
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
            try:
                self._streams[1].write(sent)
                answer = await asyncio.wait_for(_read(self._streams[0], method), _PATIENCE)
            except (OSError, EOFError, ValueError, TimeoutError):
                answer = None
            if answer is None or not answer.stays_open:
                self.close()
            # A server may close an idle connection in the moment in which it is used.
            if answer or is_new:
                return answer
        return None

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None


async def _answer_to_broken(port: int, sent: bytes) -> _Answer | None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    reading = asyncio.ensure_future(_read(reader, "HEAD" if sent.startswith(b"HEAD ") else ""))
    try:
        writer.write(sent)
        done, _ = await asyncio.wait({reading}, timeout=_FOR_AN_ANSWER)
        if not done:
            writer.write_eof()
        return await asyncio.wait_for(reading, _PATIENCE)
    except (OSError, EOFError, ValueError, TimeoutError):
        return None
    finally:
        reading.cancel()
        writer.close()


async def _read(reader: asyncio.StreamReader, method: str) -> _Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    status = int(first.split(" ")[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    has_body = method != "HEAD" and status not in {204, 304} and status >= 200
    body = await reader.readexactly(int(headers.get("content-length", "0"))) if has_body else b""
    return _Answer(status, headers, body, headers.get("connection", "") != "close")


def _framed(environ: dict[str, Any]) -> bytes:
    """As an HTTP library writes it: whatever it asks for, its ends are where it says."""
    body = environ["wsgi.input"].getvalue()
    target = quote_from_bytes(environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=~-._|")
    query = quote_from_bytes(environ["QUERY_STRING"].encode("latin-1"), safe="/:@!$&'()*+,;=~-._|%?")
    lines = [f"{environ['REQUEST_METHOD']} {target or '/'}{'?' if query else ''}{query} HTTP/1.1".encode("latin-1")]
    lines += [_header(name, value) for name, value in environ.items() if name.startswith("HTTP_")]
    lines.append(_header("CONTENT_TYPE", environ["CONTENT_TYPE"]))
    if "CONTENT_LENGTH" in environ:
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])
    end = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", end])


def _header(name: str, value: str) -> bytes:
    written = name.removeprefix("HTTP_").replace("_", "-").title()
    return f"{written}: {value.strip()}".encode("latin-1")


def _broken(environ: dict[str, Any], generator: HostileRequests, chosen: random.Random) -> bytes:
    whole = _framed(environ)
    head, _, rest = whole.partition(b"\r\n")
    method = environ["REQUEST_METHOD"].encode()
    place = chosen.randrange(len(whole) + 1)
    raw_path = environ["PATH_INFO"].encode("latin-1")
    said_length = str(environ.get("CONTENT_LENGTH", "7")).encode("latin-1")
    ways: list[Callable[[], bytes]] = [
        lambda: whole[:place],
        lambda: whole[:place] + chosen.randbytes(chosen.randrange(1, 9)) + whole[place + 1 :],
        lambda: method + b" " + raw_path + b" HTTP/1.1\r\n" + rest,
        lambda: head + b"\r\nContent-Length: " + said_length + b"\r\n" + rest,
        lambda: head + b"\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" + rest,
        lambda: head + b"\r\nTransfer-Encoding: chunked, identity\r\n" + rest,
        lambda: head + b"\r\n X: folded\r\n" + rest,
        lambda: head + b"\r\nX: " + chosen.randbytes(chosen.randrange(1, 40)) + b"\r\n" + rest,
        lambda: head + b"\r\n" + b"".join(b"X%d: 1\r\n" % number for number in range(120)) + rest,
        lambda: (
            head + b"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n" + rest
        ),
        lambda: head.replace(b"HTTP/1.1", chosen.choice([b"HTTP/1.0", b"HTTP/2", b"HTTP/0.9", b"x"])) + b"\r\n" + rest,
        lambda: method + b" http://example.com" + raw_path + b" HTTP/1.1\r\n" + rest,
        lambda: whole * chosen.randrange(2, 6),
        lambda: H2_PREFACE + b"\0\0\0\4\0\0\0\0\0" + chosen.randbytes(chosen.randrange(64)),
        lambda: H2_PREFACE + whole,
        lambda: HELLO + chosen.randbytes(chosen.randrange(600)) + b"\r\n\r\n",
        lambda: chosen.randbytes(chosen.randrange(1, 400)) + b"\r\n\r\n",
        lambda: generator.word().encode("utf-8", "surrogateescape") + b"\r\n\r\n",
        lambda: whole.replace(b"\r\n", b"\n"),
    ]
    return chosen.choice(ways)()
