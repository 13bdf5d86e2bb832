"""The step in front of Flask answers what Flask would answer: every poll is asked both ways, byte for byte."""

import gzip
import itertools
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from flask import Flask, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

from portal.domain.errors import StoreUnavailable
from portal.domain.onboarding import LIFETIME
from portal.domain.stage import Stage
from portal.web.links import AccessLinks
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.hypothesis_profiles import some
from tests.partners import partners_file
from tests.web.conftest import HOME
from tests.web.stages import WAITED_FOR, stored_as

QUIET = [stage for stage in WAITED_FOR if stage is not Stage.READY]
POLL = {"Accept": "text/html", "HX-Request": "true"}


@pytest.fixture
def config(config, tmp_path):
    path = partners_file(tmp_path, shop='origins = ["https://shop.example"]', bank='origins = ["https://bank.example"]')
    return config.model_copy(update={"partners_file": path})


@pytest.fixture
def both_ways(app):
    """Asks with the step in front of Flask, and without; whether Flask was asked, and the two answers."""
    asked = []

    def flask(environ, start_response):
        asked.append(environ["PATH_INFO"])
        return Flask.wsgi_app(app, environ, start_response)

    front = app.wsgi_app
    front._flask = flask
    yield lambda **request: _both(front, app, asked, **request)
    front._flask = Flask.wsgi_app.__get__(app)


def _both(front, app, asked, **request):
    host = request.get("headers", {}).get("Host", "127.0.0.1:8000")
    environ = EnvironBuilder(**{"base_url": HOME} | request).get_environ() | {"HTTP_HOST": host}
    asked.clear()
    fast = _comparable(front, environ)
    return bool(asked), fast, _comparable(Flask.wsgi_app.__get__(app), environ)


def _comparable(application, environ):
    """Without the jitter and the fresh form tokens."""
    answer = Response(*run_wsgi_app(application, environ.copy(), buffered=True))
    body = gzip.decompress(answer.data) if answer.headers.get("Content-Encoding") == "gzip" else answer.data
    body = re.sub(rb'every \d+ms|"form_token" type="hidden" value="[^"]+"|"poll_after_seconds":\d+', b"", body)
    headers = [(name, value) for name, value in answer.headers if (name, answer.status_code) != ("Content-Length", 200)]
    return answer.status, headers, body


@pytest.fixture
def poll_of(app, stored):
    """The path of its page and the address that the page polls, also where there is no page."""

    def poll_of(**changes):
        path, release = stored(**changes), app.extensions["portal"].release
        return path, f"{path}/status?v={NOW.timestamp():.0f}000000-{release}-{NOW.timestamp() + 10:.0f}-es-AR"

    return poll_of


@on_both_databases
def test_an_unchanged_poll_reaches_flask_once_for_each_partner(poll_of, both_ways):
    for partner in (None, "shop", "bank"):
        for stage, is_first in zip(QUIET, itertools.chain([True], itertools.repeat(False)), strict=False):
            _path, poll = poll_of(partner=partner, **stored_as(stage))
            was_asked, fast, full = both_ways(path=poll, headers=POLL)
            assert (stage, was_asked, fast[0]) == (stage, is_first, "204 NO CONTENT")
            assert fast == full


TOKENS = {
    "its own": lambda token: token,
    "cut": lambda token: token[:-1],
    "altered": lambda token: token[:-3] + ("A" if token[-3] != "A" else "B") + token[-2:],
    "other last bits": lambda token: token[:-1] + chr(ord(token[-1]) + 1),
    "payload altered": lambda token: token[0] + chr(ord(token[1]) ^ 1) + token[2:],
    "encoded": lambda token: quote(token[0]) + "%" + f"{ord(token[1]):x}" + token[2:],
    "padded": lambda token: token + "=",
    "none": lambda token: "nothing",
    "of a stranger": lambda token: AccessLinks(("x" * 32,), lambda: NOW)._serializer.dumps(["id", 1]),
    "odd": lambda token: token + "\u00e9",
}
QUERIES = {
    "as it is": lambda query: query,
    "lang": lambda query: f"lang=en&{query}",
    "its lang": lambda query: f"lang=es-AR&{query}",
    "odd lang": lambda query: f"lang=xx&{query}",
    "lang last": lambda query: f"{query}&lang=en",
    "via": lambda query: f"via=qr&{query}",
    "other via": lambda query: f"via=mail&{query}",
    "twice": lambda query: f"{query}&{query}",
    "more": lambda query: f"{query}&x=1",
    "encoded": lambda query: query.replace("-", "%2D"),
    "none": lambda query: "",
    "other time": lambda query: query.replace("v=1", "v=2", 1),
    "other release": lambda query: re.sub(r"-[0-9a-f]{8}-", "-00000000-", query),
    "other locale": lambda query: query[:-5] + "pt-BR",
    "blocked": lambda query: query[:-6] + "-blocked-es-AR",
    "opens": lambda query: query[:-6] + "-opens-es-AR",
    "past": lambda query: re.sub(r"-[0-9]{10}-", "-1000000000-", query),
    "plus": lambda query: "+" + query,
}
ACCEPT = ["text/html", "*/*", "application/json", "text/html;q=0.1, application/json", "application/*", "image/png", ""]
HOSTS = [
    "127.0.0.1:8000",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.0.0.1:99999",
    "127.0.0.1:",
    "localhost",
    "evil.example",
    "",
]
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Accept": st.sampled_from(ACCEPT),
        "Accept-Language": st.sampled_from(["pt", "en;q=0.5, es", "xx", ""]),
        "Accept-Encoding": st.sampled_from(["gzip", "br", "identity", ""]),
        "Host": st.sampled_from(HOSTS),
        "HX-Request": st.just("true"),
        "If-None-Match": st.sampled_from(["*", '"x"']),
        "Origin": st.sampled_from(["https://shop.example", "null", HOME]),
        "Range": st.just("bytes=0-1"),
        "Sec-Fetch-Site": st.sampled_from(["cross-site", "same-origin"]),
        "Transfer-Encoding": st.just("chunked"),
        "User-Agent": st.sampled_from(["", "Instagram 300", "curl/8"]),
        "X-Camera": st.sampled_from(["none", "some", ""]),
        "X-Forwarded-Host": st.just("evil.example"),
        "X-HTTP-Method-Override": st.just("POST"),
        "X-Pointer": st.just("fine"),
    },
)
METHODS = ["HEAD", "POST", "OPTIONS", "PUT"]
USUAL = HEADERS.map(lambda more: POLL | more)


@given(
    kept=st.tuples(
        st.sampled_from(QUIET) | st.sampled_from(Stage),
        st.sampled_from([None, "shop", "bank", "gone", "unknown"]),
        st.sampled_from([None, None, None, NOW]),
    ),
    age=st.sampled_from([timedelta(), timedelta(), timedelta(seconds=15), LIFETIME + timedelta(seconds=200)]),
    token=st.sampled_from(sorted(TOKENS)) | st.just("its own"),
    query=st.sampled_from(sorted(QUERIES)) | st.just("as it is"),
    headers=USUAL | HEADERS,
    request_=st.just({}) | st.sampled_from([{"method": it} for it in METHODS] + [{"data": b"x=1"}]),
)
@settings(some, max_examples=4 * some.max_examples, suppress_health_check=list(HealthCheck))
def test_both_ways_answer_the_same(clock, poll_of, both_ways, *, kept, age, token, query, headers, request_):
    clock.now = NOW + age
    stage, partner, erased_at = kept
    path, poll = poll_of(**stored_as(stage), partner=partner, erased_at=erased_at)
    path, _, version = poll.partition("/status?")
    address = f"/o/{TOKENS[token](path[3:])}/status?{QUERIES[query](version)}"
    for _ in range(2):  # the second may be remembered
        _was_asked, fast, full = both_ways(path=address, headers=headers, **request_)
        assert fast == full


@pytest.mark.parametrize("failure", ["read", "row"])
def test_a_database_that_fails_gives_the_answer_of_flask(poll_of, both_ways, reads_fail, sql, failure):
    _path, poll = poll_of(**stored_as(Stage.WAITING))
    mend = reads_fail() if failure == "read" else lambda: None
    if failure == "row":
        sql("UPDATE onboardings SET updated_at = 'no time'")
    was_asked, fast, full = both_ways(path=poll, headers=POLL)
    assert (was_asked, fast) == (True, full)
    assert fast[0].startswith("503")
    mend()
    if failure == "read":
        assert both_ways(path=poll, headers=POLL)[1][0] == "204 NO CONTENT"


def test_an_error_is_given_once_and_not_kept(app, poll_of, both_ways, monkeypatch):
    _path, poll = poll_of(**stored_as(Stage.WAITING))
    polls = iter([None, StoreUnavailable("only now")])
    real = app.extensions["portal"].onboardings.poll_state

    def fails_second(onboarding_id):
        error = next(polls, None)
        if error:
            raise error
        return real(onboarding_id)

    monkeypatch.setattr(app.extensions["portal"].onboardings, "poll_state", fails_second)
    assert both_ways(path=poll, headers=POLL)[1][0].startswith("503")
    assert both_ways(path=poll, headers=POLL)[1][0] == "204 NO CONTENT"


def test_who_polls_is_noted_every_half_minute_and_without_a_write(poll_of, both_ways, onboardings, app, clock):
    path, poll = poll_of(**stored_as(Stage.WAITING))
    poll = re.sub(r"-[0-9]{10}-", "-never-", poll)
    links, noted = app.extensions["portal"].access_links, []
    for seconds in (1, 28, 3, 28, 3):
        assert both_ways(path=poll, headers=POLL)[1][0] == "204 NO CONTENT"
        before = onboardings.get(links.onboarding_id(path[3:])).watched_at
        onboardings.views.save()
        noted.append((before, onboardings.get(links.onboarding_id(path[3:])).watched_at))
        clock.advance(seconds=seconds)
    at = [NOW + timedelta(seconds=it) for it in (0, 32, 63)]
    assert noted == [(None, at[0]), (at[0], at[0]), (at[0], at[0]), (at[0], at[1]), (at[1], at[1])]


def test_alive_is_answered_without_flask(both_ways):
    first, second = both_ways(path="/healthz"), both_ways(path="/healthz")
    assert second[0] is False
    assert first[1] == second[1] == second[2]
    assert both_ways(path="/healthz", headers={"Host": "evil.example"})[1][0].startswith("400")
    for request in ({"method": "HEAD"}, {"method": "POST"}, {"query_string": "x"}):
        _was_asked, fast, full = both_ways(path="/healthz", **request)
        assert fast == full
