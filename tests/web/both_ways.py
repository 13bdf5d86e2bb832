"""Asks with the step in front of Flask and without."""

import asyncio
import gzip
import re

import pytest
from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import EnvironBuilder, run_wsgi_app

from portal.services.request_ids import HEADER
from portal.web.read_ahead import ReadAhead
from portal.web.response_cache import READ_AHEAD, WOULD_BLOCK, ResponseCache
from tests.web.conftest import HOME

FRESH = rb'every \d+ms|"refresh"\s+content="\d+"|"form_token" type="hidden" value="[^"]+"|"poll_after_seconds":\d+'
"""Jitter, and form tokens."""


def step_of(app):
    """Behind what catches errors and judges forwarded headers."""
    step = app.wsgi_app
    while not isinstance(step, ResponseCache):
        step = step.app if isinstance(step, ProxyFix) else step._app
    return step


@pytest.fixture
def both_ways(app):
    """Whether Flask was asked by the step in front of it, and the answers with that step and without."""
    asked = []

    def flask(environ, start_response):
        asked.append(environ["PATH_INFO"])
        return Flask.wsgi_app(app, environ, start_response)

    step = step_of(app)
    step._flask = flask
    yield lambda **request: _both(app.wsgi_app, app, asked, **request)
    step._flask = Flask.wsgi_app.__get__(app)


def _both(front, app, asked, **request):
    host = request.get("headers", {}).get("Host", "127.0.0.1:8000")
    environ = EnvironBuilder(**{"base_url": HOME} | request).get_environ() | {"HTTP_HOST": host}
    asked.clear()
    fast = _comparable(front, environ)
    was_asked, full = bool(asked), _comparable(Flask.wsgi_app.__get__(app), environ)
    nonblocking = environ | {READ_AHEAD: asyncio.run(ReadAhead(app.extensions["portal"])(environ))}
    if front(nonblocking.copy(), lambda *_begun: None) is not WOULD_BLOCK:
        assert _comparable(front, nonblocking) == full
    return was_asked, fast, full


def _comparable(application, environ):
    """Without the jitter, the fresh form tokens and the request's id, which Flask does not add."""
    answer = Response(*run_wsgi_app(application, environ.copy(), buffered=True))
    body = gzip.decompress(answer.data) if answer.headers.get("Content-Encoding") == "gzip" else answer.data
    body = re.sub(FRESH, b"", body)
    headers = [it for it in answer.headers if it[0] != HEADER]
    if answer.status_code == 200:  # two ways to compress
        headers = sorted(it for it in headers if it[0] != "Content-Length")
    return answer.status, headers, body
