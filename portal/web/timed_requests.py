"""Counts and times every request by its route, whoever answers it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from flask import Flask, request

from portal.services.meter import Meter

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

ROUTE = "portal.route"
"""In the request's environment: the rule that its address follows, with names in place of values."""
BEGAN = "portal.began"
"""In the environment: when the work on the request began, if that was before; of `time.perf_counter`."""
_NONE = "none"
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"})
_ErrorInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class TimedRequests:
    """A WSGI application around another."""

    def __init__(self, app: WSGIApplication, meter: Callable[[], Meter], *, logs_each: bool = False) -> None:
        self._app = app
        self._meter = meter
        self._logs_each = logs_each

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began, answered = environ.get(BEGAN) or time.perf_counter(), ""

        def start(
            status: str, headers: list[tuple[str, str]], error: _ErrorInfo | None = None
        ) -> Callable[[bytes], object]:
            nonlocal answered
            answered = status
            return start_response(status, headers, error)

        answer = self._app(environ, start)
        if not answered:
            return answer  # the request is about to be made again, by a thread that may wait
        seconds = time.perf_counter() - began
        method, route, status = environ["REQUEST_METHOD"], environ.get(ROUTE, _NONE), answered[:3]
        if method not in _METHODS:
            method = "other"
        self._meter().observe("http_seconds", seconds, route=route, method=method, status=status)
        if self._logs_each:
            # By route and not by address: that holds what opens an onboarding.
            facts = {"route": route, "method": method, "status": status, "milliseconds": round(seconds * 1000, 1)}
            log.info("%s %s: %s", method, route, status, extra={"fields": facts})
        return answer


def init_routes(app: Flask) -> None:
    app.before_request(_note_route)


def _note_route() -> None:
    if request.url_rule is not None:
        request.environ[ROUTE] = request.url_rule.rule
