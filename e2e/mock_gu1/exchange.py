"""One call of a WSGI application as a value, and its answer."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

WIRE = "mock_gu1.wire"
"""Key in the environ if the server can hand over its socket: a function that takes a `Script`."""

Script = Callable[[socket.socket], object]
"""Writes to the client's socket instead of a response; then the connection is closed."""

MOST_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    headers: list[tuple[str, str]]
    chunks: Iterable[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def with_body(self, body: bytes, **headers: str) -> Answer:
        """Underscores in header names become hyphens."""
        new = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        new["content-length"] = str(len(body))
        kept = [(name, value) for name, value in self.headers if name.lower() not in new]
        return Answer(self.status, kept + list(new.items()), [body])

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


@dataclass(slots=True)
class Call:
    """The body is read once and can be passed on any number of times."""

    app: WSGIApplication
    environ: WSGIEnvironment
    body: bytes = field(init=False)

    def __post_init__(self) -> None:
        length = self.environ.get("CONTENT_LENGTH") or "0"
        wanted = int(length) if length.isdigit() else 0
        self.body = self.environ["wsgi.input"].read(min(wanted, MOST_BODY))

    @property
    def can_go_raw(self) -> bool:
        return WIRE in self.environ

    def text(self) -> str:
        """Path, query and body as one text."""
        where = self.environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
        return "\n".join((where, self.environ.get("QUERY_STRING", ""), self.body.decode(errors="replace")))

    def commit(self, **more: object) -> Answer:
        """Runs the application; `more` is added to the environ."""
        environ = self.environ | {"wsgi.input": io.BytesIO(self.body), **more}
        return run(self.app, environ)


def run(app: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        started[:] = [(status, headers)]
        return lambda _: None

    chunks = app(environ, start_response)
    kept = chunks if isinstance(chunks, list) else _closing(chunks)
    return Answer(*started[0], kept)


def sent(answer: Answer, start_response: StartResponse) -> Iterable[bytes]:
    start_response(answer.status, answer.headers)
    return answer.chunks


def _closing(chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()
