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
        began, statuses = time.perf_counter(), []

        def start(
            status: str, headers: list[tuple[str, str]], error: _ErrorInfo | None = None
        ) -> Callable[[bytes], object]:
            statuses.append(status[:3])
            return start_response(status, headers, error)

        answer = self._app(environ, start)
        if not statuses:
            return answer  # the request is about to be made again, by a thread that may wait
        method, seconds = environ["REQUEST_METHOD"], time.perf_counter() - began
        facts = {
            "route": environ.get(ROUTE, _NONE),
            "method": method if method in _METHODS else "other",
            "status": statuses[-1],
        }
        self._meter().observe("http_seconds", seconds, **facts)
        if self._logs_each:
            # By route and not by address: that holds what opens an onboarding.
            told = facts | {"milliseconds": round(seconds * 1000, 1)}
            log.info("%s %s: %s", facts["method"], facts["route"], facts["status"], extra={"fields": told})
        return answer


def init_routes(app: Flask) -> None:
    app.before_request(_note_route)


def _note_route() -> None:
    if request.url_rule is not None:
        request.environ[ROUTE] = request.url_rule.rule
