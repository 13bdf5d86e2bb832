"""Reads a request's body before the request takes one of the few places for work."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from queue import SimpleQueue
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

MOST_BYTES = 1024 * 1024
"""Of a body that is read ahead. A longer one is left to the application, which refuses it unread."""


class BodyFirst:
    """A slow body then holds nothing but a waiting thread, of which there may be many.

    Few places, because threads that work at the same time fight for one interpreter lock.
    """

    def __init__(self, app: WSGIApplication, places: int) -> None:
        self.inside = app
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(places):
            self._places.put(None)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH")
        if length:
            _read_ahead(environ, length)
        self._places.get()
        try:
            return _whole(self.inside(environ, start_response))
        finally:
            self._places.put(None)


def _read_ahead(environ: WSGIEnvironment, length: str) -> None:
    if length.isascii() and length.isdigit() and int(length) <= MOST_BYTES:
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(int(length)))


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
