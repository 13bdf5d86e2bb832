"""Serves the WSGI application over RSGI, Granian's own interface, so that a slow client costs no thread.

A request's body is read within a deadline before the request takes a thread. What the application can answer without
waiting for anything, which is nearly every poll and every repeated webhook, takes none at all: Python's threads would
fight for the interpreter lock at each read of the database.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from portal.domain.start_limits import address_block
from portal.services.request_ids import HEADER, request_id_for
from portal.web.header_policy import ALWAYS, Kind, policies
from portal.web.refusals import Refusal
from portal.web.response_cache import READ_AHEAD, WOULD_BLOCK
from portal.web.security import FORM_BYTES
from portal.web.webhook.on_the_loop import WEBHOOK_PATH
from portal.web.webhook.receiver import WEBHOOK_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

LONGER_BODIES = {WEBHOOK_PATH: WEBHOOK_BYTES}
"""By path: how much of a body is read where it may be longer than a form. The application refuses what is longer."""
SECONDS_FOR_BODY = 15.0
MOST_BODIES = 64
"""Of one customer's addresses, that are not complete. Many people may share one, but hardly in the same second."""
THREADS = 128
PLACES = 4
"""How many requests run at once: more only fight for the interpreter lock."""
PATIENCE = 0.25
"""Seconds to wait for a place; then a request runs without one, because whoever has them may wait for the database."""
_UNREADABLE = "\xff"
"""The value of a header whose bytes the server does not give: none that is valid, and not the same as no header."""
_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS", "TRACE"}

log = logging.getLogger(__name__)


class Scope(Protocol):
    """Of one request, as RSGI says it."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    headers: Any


class Exchange(Protocol):
    """The body, in parts, and ways to answer."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...
    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None: ...


async def _nothing_applied(_environ: WSGIEnvironment) -> bool:
    return False


class _Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class RsgiAdapter:
    def __init__(
        self,
        app: WSGIApplication,
        read_ahead: Callable[[WSGIEnvironment], Awaitable[object]],
        apply_webhook: Callable[[WSGIEnvironment], Awaitable[bool]] = _nothing_applied,
        *,
        client_address: Callable[[WSGIEnvironment], str] = lambda environ: environ["REMOTE_ADDR"],
        places: int = PLACES,
        headers: dict[str, str] = ALWAYS,
        on_refusal: Callable[[Refusal], None] = lambda _kind: None,
        patience: float = PATIENCE,
    ) -> None:
        """`read_ahead`: for the answers that the application gives at once. None for a webhook that takes a thread.

        `apply_webhook`: True if a webhook was applied, and the application can answer it at once.

        `places`: how many requests work at the same time. Few, because they fight for one interpreter lock.

        `client_address`: whose limits a request counts against; empty for nobody's.
        `headers`: of the answers that the application does not give.
        """
        self._app = app
        self._read_ahead = read_ahead
        self._apply_webhook = apply_webhook
        self._patience = patience
        self._client_address = client_address
        self._on_refusal = on_refusal
        self._headers = [*(headers | policies(Kind.DATA.value)).items()]
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(places):
            self._places.put(None)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        self._unfinished: Counter[str] = Counter()
        """Bodies by block of addresses."""

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        environ, answer = environ_of(scope), None
        if _has_body(environ):
            answer = await self._read_body(environ, exchange)
        if answer is None and (scope.method == "GET" or environ["PATH_INFO"] == WEBHOOK_PATH):
            read = await self._read_ahead(environ)
            if read is not None or scope.method == "GET":
                # Copies, because the application changes them, and a thread that is asked after all reads anew.
                answer = self._answer(environ | {READ_AHEAD: read})
                if answer is None and await self._apply_webhook(environ):
                    answer = self._answer(environ | {READ_AHEAD: read})
        if answer is None:
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, self._in_turn, environ)
        _send(exchange, answer)

    def _in_turn(self, environ: WSGIEnvironment) -> _Answer:
        with self._place():
            answer = self._answer(environ)
        assert answer is not None
        return answer

    def _answer(self, environ: WSGIEnvironment) -> _Answer | None:
        """None if it could not be given at once."""
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> Any:
            begun[:] = [(status, headers)]

        parts = self._app(environ, start_response)
        if parts is WOULD_BLOCK:
            return None
        body = _whole(parts)
        status, headers = begun[0]
        return _Answer(int(status[:3]), headers, body)

    async def _read_body(self, environ: WSGIEnvironment, exchange: Exchange) -> _Answer | None:
        """The answer to whoever takes too long, sends too many bodies at once, or ends one before its end."""
        client = self._client_address(environ)
        address = address_block(client) if client else ""
        if address and self._unfinished[address] >= MOST_BODIES:
            self._on_refusal(Refusal.SLOW_BODY)
            return self._refusal(HTTPStatus.TOO_MANY_REQUESTS, environ, ("Retry-After", str(int(SECONDS_FOR_BODY))))
        self._unfinished[address] += 1
        try:
            async with asyncio.timeout(SECONDS_FOR_BODY):
                body = await _body(exchange, _most_bytes(environ["PATH_INFO"]))
        except TimeoutError:
            self._on_refusal(Refusal.SLOW_BODY)
            return self._refusal(HTTPStatus.REQUEST_TIMEOUT, environ, ("Connection", "close"))
        finally:
            self._unfinished[address] -= 1
            if not self._unfinished[address]:
                del self._unfinished[address]
        if body is None:
            return self._refusal(HTTPStatus.BAD_REQUEST, environ, ("Connection", "close"))
        environ["wsgi.input"] = BytesIO(body)
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            environ["CONTENT_LENGTH"] = str(len(body))  # without one, it would be taken for empty
        return None

    def _refusal(self, status: HTTPStatus, environ: WSGIEnvironment, *more: tuple[str, str]) -> _Answer:
        request_id = (HEADER, request_id_for(environ.get("HTTP_X_REQUEST_ID")))
        headers = [*self._headers, ("Content-Type", "text/plain"), request_id, *more]
        return _Answer(status, headers, f"{status.phrase}\n".encode())

    @contextmanager
    def _place(self) -> Iterator[None]:
        try:
            self._places.get(timeout=self._patience)
        except Empty:
            yield
            return
        try:
            yield
        finally:
            self._places.put(None)


def environ_of(scope: Scope) -> WSGIEnvironment:
    """As PEP 3333 wants it. Without headers whose names have an underscore: they would pass for those of proxies."""
    address, _, _ = scope.client.rpartition(":")
    name, _, port = scope.server.rpartition(":")
    environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _as_latin_1(scope.path),
        "QUERY_STRING": _as_latin_1(scope.query_string),
        "REMOTE_ADDR": address.strip("[]"),
        "SERVER_NAME": name.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    readable = set()
    for header, value in scope.headers.items():
        readable.add(header)
        key = _wsgi_name(header)
        if key:
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    for header in readable.symmetric_difference(scope.headers.keys()):
        key = _wsgi_name(header)
        if key and key not in environ:
            environ[key] = _UNREADABLE
    return environ


@lru_cache(maxsize=256)
def _wsgi_name(header: str) -> str | None:
    if "_" in header or len(header) > 64:
        return None
    name = header.upper().replace("-", "_")
    return name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}"


def _as_latin_1(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("latin-1")


def _has_body(environ: WSGIEnvironment) -> bool:
    """One that the application would read. Of a method without a meaning for a body it is never read."""
    if environ["REQUEST_METHOD"] in _WITHOUT_BODY:
        return False
    length = environ.get("CONTENT_LENGTH", "0")
    is_short = length.isascii() and length.isdigit() and 0 < int(length) <= _most_bytes(environ["PATH_INFO"])
    return is_short or "HTTP_TRANSFER_ENCODING" in environ


def _most_bytes(path: str) -> int:
    return LONGER_BODIES.get(path, FORM_BYTES)


async def _body(exchange: Exchange, most: int) -> bytes | None:
    """None if the connection or its chunks broke; of a longer one just so much that it is seen to be too long.

    Granian gives an empty part for the end, and another before it for an error.
    """
    read, empty = bytearray(), 0
    async for part in exchange:
        read += part
        empty += not part
        if len(read) > most:
            break
    return None if empty > 1 else bytes(read[: most + 1])


def _whole(parts: Iterable[bytes]) -> bytes:
    try:
        return b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close:
            close()


def _send(exchange: Exchange, answer: _Answer) -> None:
    if answer.body:
        exchange.response_bytes(answer.status, answer.headers, answer.body)
    else:
        exchange.response_empty(answer.status, answer.headers)
