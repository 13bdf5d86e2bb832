"""The outermost error handler: an error that Flask cannot answer any more ends in a plain 500, not in a trace."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from portal.web.header_policy import ALWAYS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

_BODY = b"Something went wrong on our side.\n"
_HEADERS = [*ALWAYS.items(), ("Content-Type", "text/plain"), ("Content-Length", str(len(_BODY)))]
_POLICY = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")


class LastResort:
    """A WSGI application around another."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return self._app(environ, start_response)
        except Exception:
            # The server would log the trace with the texts of all errors in it.
            log.exception("an answer could not be written")
            start_response("500 Internal Server Error", [*_HEADERS, _POLICY])
            return [_BODY]
