"""`X-Request-Id` on every answer, whoever gives it: the caller's own if that is well-formed, else a new one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from portal.services.request_ids import HEADER, begin_request, end_request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ErrorInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class RequestIdHeader:
    """A WSGI application around another."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request_id, begun = begin_request(environ.get("HTTP_X_REQUEST_ID"))

        def start(
            status: str, headers: list[tuple[str, str]], error: _ErrorInfo | None = None
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, (HEADER, request_id)], error)

        try:
            return self._app(environ, start)
        finally:
            end_request(begun)
