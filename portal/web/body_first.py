"""Reads a request's body before the request takes one of the few places for work."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from queue import Empty, SimpleQueue
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

MOST_BYTES = 1024 * 1024
"""Of a body that is read ahead. The rest is left to the application, which refuses it."""
PATIENCE = 0.25
"""Seconds to wait for a place. Whoever has them may be waiting for the database, which must not stop all others."""


class BodyFirst:
    """A slow body then holds nothing but a waiting thread, of which there may be many.

    Few places, because threads that work at the same time fight for one interpreter lock.
    """

    def __init__(self, app: WSGIApplication, places: int, patience: float = PATIENCE) -> None:
        self.inside = app
        self._patience = patience
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(places):
            self._places.put(None)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        _read_ahead(environ)
        try:
            self._places.get(timeout=self._patience)
        except Empty:
            return _whole(self.inside(environ, start_response))
        try:
            return _whole(self.inside(environ, start_response))
        finally:
            self._places.put(None)


def _read_ahead(environ: WSGIEnvironment) -> None:
    length = environ.get("CONTENT_LENGTH", "")
    if length.isascii() and length.isdigit() and int(length) <= MOST_BYTES:
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(int(length)))
    elif "HTTP_TRANSFER_ENCODING" in environ:
        # One byte more, by which the application sees that it is too long.
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(MOST_BYTES + 1))


def _whole(parts: Iterable[bytes]) -> list[bytes]:
    """Granian sends a list at once, and asks any other iterable for one part after another."""
    if isinstance(parts, list):
        return parts
    try:
        return list(parts)
    finally:
        close = getattr(parts, "close", None)
        if close:
            close()
