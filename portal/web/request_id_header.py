"""`X-Request-Id` on every answer, whoever gives it: the caller's own if that is well-formed, else a new one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from portal.services.request_ids import HEADER, part_of_request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ErrorInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class RequestIdHeader:
    """A WSGI application around another."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with part_of_request(environ.get("HTTP_X_REQUEST_ID")) as request_id:

            def start(
                status: str, headers: list[tuple[str, str]], error: _ErrorInfo | None = None
            ) -> Callable[[bytes], object]:
                return start_response(status, [*headers, (HEADER, request_id)], error)

            return self._app(environ, start)
