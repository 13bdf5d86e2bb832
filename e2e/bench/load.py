"""Many parallel POSTs over plain sockets, and the response time of a page meanwhile."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_TIMEOUT = 30.0
_LATER = 503
_PROBE_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    body: bytes
    headers: Mapping[str, str]


@dataclass
class LoadResult:
    statuses: Counter[int] = field(default_factory=Counter)
    put_off: int = 0
    """Number of 503 answers, after each of which the same request was sent again."""
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return self.statuses.total() / self.seconds if self.seconds else 0.0


def send_all(urls: Sequence[str], path: str, requests: Sequence[WebhookRequest], *, clients: int = 8) -> LoadResult:
    """Sends each request until it is accepted or refused; the clients share the requests and the URLs."""
    result, counted = LoadResult(), threading.Lock()

    def send(number: int) -> None:
        own: Counter[int] = Counter()
        with _line_to(urls[number % len(urls)]) as line:
            for request in requests[number::clients]:
                while (status := line.post(path, request)) == _LATER:
                    own[_LATER] += 1
                own[status] += 1
        with counted:
            result.put_off += own.pop(_LATER, 0)
            result.statuses.update(own)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(clients)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.seconds = time.monotonic() - began
    return result


@contextmanager
def probing(url: str, paths: Sequence[str]) -> Iterator[list[float]]:
    """While the block runs, requests one page after another and appends the seconds to the list."""
    found: list[float] = []
    over = threading.Event()

    def probe() -> None:
        with _line_to(url) as line:
            while not over.wait(_PROBE_EVERY):
                began = time.monotonic()
                line.get(paths[len(found) % len(paths)])
                found.append(time.monotonic() - began)

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


class _Line:
    """A keep-alive connection that reconnects after an error."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def get(self, path: str) -> int:
        return self._ask("GET", path, None, {})

    def post(self, path: str, request: WebhookRequest) -> int:
        return self._ask("POST", path, request.body, request.headers)

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> int:
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                self._connection.request(method, path, body, dict(headers))
                answer = self._connection.getresponse()
                answer.read()
                return answer.status
            except (OSError, http.client.HTTPException):
                self._connection.close()
                if time.monotonic() > deadline:
                    raise


@contextmanager
def _line_to(url: str) -> Iterator[_Line]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        yield _Line(connection)
    finally:
        connection.close()
