"""The load generator: one process with one epoll loop over plain sockets, which checks every answer.

A Python client with an event loop would cost more than the cheapest answers that it asks for. This one costs 10 to
20 µs a request; its CPU is counted apart, and a row says so if the generator was the bottleneck. Linux only.
"""

from __future__ import annotations

import multiprocessing
import re
import resource
import select
import socket
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNK = 256 * 1024
_GRACE = 20.0
"""Seconds for the last answers, after the last request was sent."""
_ADDRESSES = 100
"""That the connections come from, as people do: the portal ends those of one address that are thousands."""
_BUSY = 0.9
"""Share of one core from which the generator may be the bottleneck."""


@dataclass(frozen=True)
class Right:
    """The only right answer to a request."""

    status: int
    body: tuple[bytes, ...] = (b"",)
    """The fixed parts of the body, in order; what is between two of them may be anything."""

    @cached_property
    def _line(self) -> bytes:
        return b"HTTP/1.1 %d" % self.status

    def judge(self, data: bytes) -> str | None:
        """`None` if the answer is incomplete, "" if it is this one, else what it was."""
        end = data.find(_HEAD_ENDS) + len(_HEAD_ENDS)
        if end < len(_HEAD_ENDS):
            return None
        length = _LENGTH.search(data, 0, end)
        if length and len(data) < end + int(length[1]):
            return None
        if not data.startswith(self._line):
            return data[: data.find(b"\r")].decode(errors="replace")
        return "" if self._has_this_body(data, end) else f"{self.status} with another body"

    def _has_this_body(self, data: bytes, start: int) -> bool:
        first, last = self.body[0], self.body[-1]
        if len(self.body) == 1:
            return data[start:] == first
        if not data.startswith(first, start):
            return False
        at = start + len(first)
        for part in self.body[1:-1]:
            at = data.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return data.endswith(last) and len(data) - len(last) >= at


ANYTHING = (b"", b"")
"""As a body: whatever it is."""


@dataclass(frozen=True)
class Request:
    raw: bytes
    right: Right


@dataclass(frozen=True)
class Load:
    """What to send in one burst."""

    url: str
    requests: Sequence[Request]
    connections: int
    seconds: float
    rate: float | None = None
    """Requests a second, however late answers are; None: each connection sends its next one at once."""
    repeats: bool = True
    """Each connection repeats a request of its own; if not, each request is sent once."""
    grace: float = _GRACE


@dataclass
class Burst:
    """What became of it. Latencies count from the moment at which a request was due."""

    good: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    generator_cpu: float = 0.0
    latencies: array[float] = field(default_factory=lambda: array("d"))

    @property
    def rate(self) -> float:
        return self.good / self.seconds if self.seconds else 0.0

    @property
    def is_bound_by_generator(self) -> bool:
        return self.generator_cpu > _BUSY * self.seconds

    def percentile(self, share: float) -> float:
        """In seconds; 0 without any answer."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class _Connection:
    def __init__(self, host: tuple[str, int], number: int) -> None:
        self.number = number
        self._host = host
        self.request: Request | None = None
        self.due = 0.0
        self.data = b""
        self.open()

    def open(self) -> None:
        source = (f"127.0.0.{1 + self.number % _ADDRESSES}", 0)
        self.socket = socket.create_connection(self._host, timeout=10, source_address=source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def send(self, request: Request, due: float) -> None:
        self.request, self.due, self.data = request, due, b""
        # A request is far smaller than a socket's buffer.
        self.socket.send(request.raw)


class _Loop:
    def __init__(self, load: Load) -> None:
        self.load, self.burst = load, Burst()
        parts = urlsplit(load.url)
        self._host = (parts.hostname or "", parts.port or 80)
        self._poll = select.epoll()
        self._by_fd: dict[int, _Connection] = {}
        self._idle: deque[_Connection] = deque()
        self._rest = iter(load.requests)
        self._busy = 0
        for number in range(load.connections):
            self._add(_Connection(self._host, number))

    def run(self) -> Burst:
        used = _cpu()
        began = last = time.perf_counter()
        ends, gives_up = began + self.load.seconds, began + self.load.seconds + self.load.grace
        sent = 0
        while True:
            now = time.perf_counter()
            if now < ends:
                sent = self._send_due(began, now, sent)
            elif not self._busy or now > gives_up:
                break
            if not self._busy and not self.load.repeats and sent >= len(self.load.requests):
                break
            for fd, _event in self._poll.poll(self._patience(began, sent, now)):
                self._receive(self._by_fd[fd])
                last = time.perf_counter()
        self.burst.seconds = last - began
        self.burst.generator_cpu = _cpu() - used
        if self._busy:
            self.burst.wrong["no answer"] += self._busy
        for connection in self._by_fd.values():
            connection.socket.close()
        return self.burst

    def _patience(self, began: float, sent: int, now: float) -> float:
        if self.load.rate is None or not self._idle:
            return 0.05
        return min(0.05, max(0.0, began + sent / self.load.rate - now))

    def _send_due(self, began: float, now: float, sent: int) -> int:
        """Sends whatever is due on free connections; the number of requests sent until now."""
        rate = self.load.rate
        while self._idle:
            due = now if rate is None else began + sent / rate
            if due > now or not self._send_next(due):
                break
            sent += 1
        return sent

    def _send_next(self, due: float) -> bool:
        connection = self._idle[0]
        if self.load.repeats:
            request = self.load.requests[connection.number % len(self.load.requests)]
        else:
            following = next(self._rest, None)
            if following is None:
                return False
            request = following
        self._idle.popleft()
        self._busy += 1
        try:
            connection.send(request, due)
        except OSError as error:
            self._finish(connection, type(error).__name__)
        return True

    def _receive(self, connection: _Connection) -> None:
        try:
            part = connection.socket.recv(_CHUNK)
        except OSError as error:
            self._lose(connection, type(error).__name__)
            return
        if not part:
            self._lose(connection, "connection closed")
            return
        connection.data = connection.data + part if connection.data else part
        if connection.request is None:
            self._lose(connection, "an answer to nothing")
            return
        verdict = connection.request.right.judge(connection.data)
        if verdict is not None:
            self._finish(connection, verdict)

    def _finish(self, connection: _Connection, verdict: str) -> None:
        if verdict:
            self.burst.wrong[verdict] += 1
        else:
            self.burst.good += 1
            self.burst.latencies.append(time.perf_counter() - connection.due)
        connection.request = None
        self._busy -= 1
        self._idle.append(connection)

    def _lose(self, connection: _Connection, why: str) -> None:
        """Servers may close idle connections; one that owes an answer counts as wrong."""
        owed = connection.request is not None
        self._by_fd.pop(connection.socket.fileno())
        connection.socket.close()
        if owed:
            self._finish(connection, why)
        self._idle.remove(connection)
        connection.open()
        self._add(connection)

    def _add(self, connection: _Connection) -> None:
        fd = connection.socket.fileno()
        self._by_fd[fd] = connection
        self._poll.register(fd, select.EPOLLIN)
        self._idle.append(connection)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _run(load: Load) -> Burst:
    raise_file_limit()
    return _Loop(load).run()


def raise_file_limit() -> None:
    """Each connection is a file."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class WrongAnswers(Exception):
    """A side answered something else than it should, so its rate means nothing."""


class Generator:
    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def run(self, load: Load) -> Burst:
        """Wrong answers are only counted."""
        return self._pool.submit(_run, load).result()

    def run_right(self, load: Callable[[], Load], tries: int = 3) -> Burst:
        """Raises `WrongAnswers` unless every answer was right.

        What a page shows changes by time alone, so the load is made again for each try.
        """
        for _ in range(tries):
            given = load()
            burst = self.run(given)
            if not burst.wrong and burst.good:
                return burst
        raise WrongAnswers(f"{given.url}: {burst.good} right answers, and {dict(burst.wrong)}")


@contextmanager
def generator() -> Iterator[Generator]:
    """In a process of its own, so that its CPU and its interpreter lock are apart from everything else's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield Generator(pool)


def get(url: str, path: str, right: Right, headers: str = "") -> Request:
    return Request(f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n{headers}\r\n".encode(), right)


def post(url: str, path: str, content: bytes, right: Right, headers: str = "") -> Request:
    head = f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
    return Request(head.encode() + content, right)
