"""The step in front of Flask answers what Flask would answer: every poll is asked both ways, byte for byte."""

import itertools
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.domain.errors import StoreUnavailable
from portal.domain.onboarding import LIFETIME
from portal.domain.stage import Stage
from portal.web.links import AccessLinks
from tests.databases import on_both_databases
from tests.factories import NOW, an_onboarding
from tests.hypothesis_profiles import some
from tests.partners import partners_file
from tests.web.both_ways import both_ways
from tests.web.conftest import HOME
from tests.web.stages import WAITED_FOR, stored_as

QUIET = [stage for stage in WAITED_FOR if stage is not Stage.READY]
__all__ = ["both_ways"]

UNIQUE = map(str, itertools.count())
POLL = {"Accept": "text/html"}


@pytest.fixture
def config(config, tmp_path):
    path = partners_file(tmp_path, shop='origins = ["https://shop.example"]', bank='origins = ["https://bank.example"]')
    return config.model_copy(update={"partners_file": path})


@pytest.fixture
def poll_of(app, stored):
    """The path of its page and the address that the page polls, also where there is no page."""

    def poll_of(**changes):
        path, release = stored(**changes), app.extensions["portal"].release
        return (
            path,
            f"{path}/status?v={NOW.timestamp():.0f}000000-{release}-{NOW.timestamp() + 10:.0f}-es-AR&part=status",
        )

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
    "of a stranger": lambda token: AccessLinks(("x" * 32,), lambda: NOW).token(an_onboarding()),
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
    "other locale": lambda query: query.replace("es-AR", "pt-BR"),
    "blocked": lambda query: query.replace("-es-AR", "-blocked-es-AR"),
    "opens": lambda query: query.replace("-es-AR", "-opens-es-AR"),
    "past": lambda query: re.sub(r"-[0-9]{10}-", "-1000000000-", query),
    "plus": lambda query: "+" + query,
    "no part": lambda query: query.replace("&part=status", ""),
    "other part": lambda query: query.replace("part=status", "part=document"),
    "mouse": lambda query: query + "&pointer=fine",
    "camera": lambda query: query + "&camera=none",
    "mouse and camera": lambda query: query + "&pointer=fine&camera=none",
    "camera that is odd": lambda query: query + "&camera=some",
    "mouse and camera, swapped": lambda query: query + "&camera=none&pointer=fine",
    "blocked as before": lambda query: query.replace("-es-AR", "-blocked-es-AR") + "&camera=none",
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
HEADERS = {
    "Accept": [*ACCEPT, None],
    "Accept-Language": ["pt", "en;q=0.5, es", "xx", ""],
    "Accept-Encoding": ["gzip", "br", "identity", ""],
    "Host": HOSTS,
    "HX-Request": ["true"],
    "If-None-Match": ["*", '"x"'],
    "Origin": ["https://shop.example", "null", HOME],
    "Range": ["bytes=0-1"],
    "Sec-Fetch-Site": ["cross-site", "same-origin"],
    "Transfer-Encoding": ["chunked"],
    "User-Agent": ["", "Instagram 300", "curl/8"],
    "X-Camera": ["none", "some", ""],
    "X-Forwarded-Host": ["evil.example"],
    "X-HTTP-Method-Override": ["POST"],
    "X-Pointer": ["fine"],
}
ODDITIES = [
    *(("header", (name, value)) for name, values in HEADERS.items() for value in values),
    *(("token", it) for it in TOKENS.values()),
    *(("query", it) for it in QUERIES.values()),
    *(("request", {"method": it}) for it in ("HEAD", "POST", "OPTIONS", "PUT")),
    ("request", {"data": b"x=1"}),
    *(("stored", {"partner": it}) for it in ("shop", "bank", "gone", "unknown")),
    *(("stored", stored_as(it)) for it in Stage),
    ("stored", {"erased_at": NOW}),
    ("stored", {"locale": "pt-BR"}),
    ("stored", {"locale": "xx"}),
    *(("age", timedelta(seconds=it)) for it in (9, 10, 11, LIFETIME.total_seconds() + 200)),
]
"""What is unusual about a request; without any it is a poll of a page that waits, and nothing has changed."""


def ask(oddities, clock, poll_of, both_ways):
    clock.now = NOW + sum((it for what, it in oddities if what == "age"), timedelta())
    kept = stored_as(Stage.WAITING)
    for changes in (it for what, it in oddities if what == "stored"):
        kept |= changes
    if kept["validation"]:
        kept["validation"] = replace(kept["validation"], nonce=next(UNIQUE), gu1_id=next(UNIQUE))
    path, poll = poll_of(**kept)
    token, query = path[3:], poll.partition("?")[2]
    headers, request = dict(POLL), {}
    for what, it in oddities:
        token = it(token) if what == "token" else token
        query = it(query) if what == "query" else query
        headers |= {it[0]: it[1]} if what == "header" else {}
        request |= it if what == "request" else {}
    headers = {name: value for name, value in headers.items() if value is not None}
    for _ in range(2):  # the second may be remembered
        _was_asked, fast, full = both_ways(path=f"/o/{token}/status?{query}", headers=headers, **request)
        assert fast == full, oddities


@pytest.mark.long
def test_whatever_is_odd_is_answered_the_same_both_ways(clock, poll_of, both_ways):
    for oddity in ODDITIES:
        ask([oddity], clock, poll_of, both_ways)


@pytest.mark.long
@given(oddities=st.lists(st.sampled_from(ODDITIES), min_size=2, max_size=5))
@settings(some, suppress_health_check=list(HealthCheck))
def test_any_oddities_together_are_answered_the_same_both_ways(clock, poll_of, both_ways, oddities):
    ask(oddities, clock, poll_of, both_ways)


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
    errors = iter([None, StoreUnavailable("while it is made"), StoreUnavailable("and asked again")])
    real = app.extensions["portal"].onboardings.poll_state

    def fails_in_flask(onboarding_id, **_how):
        error = next(errors, None)
        if error:
            raise error
        return real(onboarding_id)

    monkeypatch.setattr(app.extensions["portal"].onboardings, "poll_state", fails_in_flask)
    assert both_ways(path=poll, headers=POLL)[1][0].startswith("503")
    assert both_ways(path=poll, headers=POLL)[1][0] == "204 NO CONTENT"


def test_who_polls_is_noted_every_half_minute_and_without_a_write(poll_of, visitor, onboardings, app, clock):
    """The first time Flask is asked, and then no more."""
    path, poll = poll_of(**stored_as(Stage.WAITING))
    poll = re.sub(r"-[0-9]{10}-", "-never-", poll)
    links, noted = app.extensions["portal"].access_links, []
    for seconds in (1, 28, 3, 28, 3):
        assert visitor.get(poll, headers=POLL).status == 204
        before = onboardings.get(links.onboarding_id(path[3:])).watched_at
        onboardings.views.save()
        noted.append((before, onboardings.get(links.onboarding_id(path[3:])).watched_at))
        clock.advance(seconds=seconds)
    at = [NOW + timedelta(seconds=it) for it in (0, 32, 63)]
    assert noted == [(None, at[0]), (at[0], at[0]), (at[0], at[0]), (at[0], at[1]), (at[1], at[1])]


@pytest.mark.parametrize("query", ["", "?via=qr", "?lang=en", "?lang=pt-BR&via=qr"])
def test_what_a_page_asks_for_is_answered_without_flask(stored, visitor, both_ways, query):
    """By its script too, which appends what the browser can do; whatever the page's address says."""
    path = stored(**stored_as(Stage.WAITING))
    asked = visitor.get(path + query).one("section", id="status")["hx-get"]
    for appended in ("", "&pointer=fine", "&camera=none", "&pointer=fine&camera=none"):
        both_ways(path=asked + appended, headers=POLL)
        assert both_ways(path=asked + appended, headers=POLL)[0] is False, appended


def test_alive_is_answered_without_flask(both_ways):
    first, second = both_ways(path="/healthz"), both_ways(path="/healthz")
    assert second[0] is False
    assert first[1] == second[1] == second[2]
    for request in (
        {"headers": {"Host": "evil.example"}},
        {"method": "HEAD"},
        {"method": "POST"},
        {"query_string": "x"},
    ):
        _was_asked, fast, full = both_ways(path="/healthz", **request)
        assert fast == full
