"""What Granian hands over reaches the application as WSGI, and slow clients hold nothing that others need."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import ClassVar

import pytest
from flask import Flask, request

from portal.app import create_app
from portal.services.meter import NoMeter
from portal.web import rsgi_adapter
from portal.web.flask_app import over_rsgi
from portal.web.forwarded_headers import ForwardedHeaders
from portal.web.refusals import Refusal
from portal.web.response_cache import READ_AHEAD, WOULD_BLOCK
from portal.web.rsgi_adapter import MOST_BODIES, RsgiAdapter, environ_of
from portal.web.security import FORM_BYTES
from portal.web.timed_requests import TimedRequests
from portal.web.webhook.on_the_loop import WEBHOOK_PATH
from portal.web.webhook.receiver import WEBHOOK_BYTES
from tests.web.rsgi import Exchange, nothing_read, scope

PATIENT = 10.0
"""Nobody goes without a place."""


def echo(environ, start_response):
    start_response("200 OK", [("X-Threads", threading.current_thread().name)])
    return [environ["wsgi.input"].read()]


def waited_for(environ, start_response):
    return WOULD_BLOCK if READ_AHEAD in environ else echo(environ, start_response)


def adapter(app, *, places=4, read_ahead=nothing_read, **options):
    return RsgiAdapter(app, read_ahead, places=places, patience=PATIENT, **options)


def asked(app, exchange, **said):
    asyncio.run(app.__rsgi__(scope(**said), exchange))
    return exchange


def posted(app, exchange, *, length=None, **said):
    headers = [("content-length", str(length))] if length is not None else [("transfer-encoding", "chunked")]
    return asked(app, exchange, method="POST", headers=headers, **said)


def test_environ_is_that_of_pep_3333():
    environ = environ_of(
        scope(
            path="/o/ñ",
            query_string="a=ñ&b=%C3%B1",
            client="[2001:db8::1]:4000",
            server="[::1]:8000",
            headers=[("host", "h"), ("content-type", "text/plain"), ("cookie", "a=1"), ("cookie", "b=2")],
        )
    )
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/o/ñ"
    assert environ["QUERY_STRING"].encode("latin-1").decode() == "a=ñ&b=%C3%B1"
    assert (environ["REMOTE_ADDR"], environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("2001:db8::1", "::1", "8000")
    assert (environ["HTTP_HOST"], environ["CONTENT_TYPE"], environ["HTTP_COOKIE"]) == ("h", "text/plain", "a=1,b=2")


def test_header_that_cannot_be_read_is_not_the_same_as_none():
    environ = environ_of(scope(headers=[("idempotency-key", "café")]))
    assert environ["HTTP_IDEMPOTENCY_KEY"]


@pytest.mark.asvs("4.1.3")
@pytest.mark.parametrize("name", ["x_forwarded_for", "x-forwarded_for", "x_forwarded-proto", "_", "content_length"])
def test_header_with_an_underscore_cannot_pass_for_another(name):
    plain = environ_of(scope(headers=[("x-forwarded-for", "198.51.100.1")]))
    assert environ_of(scope(headers=[("x-forwarded-for", "198.51.100.1"), (name, "evil")])).keys() == plain.keys()


def test_answer_that_waits_for_nothing_takes_no_thread():
    here = threading.current_thread().name
    assert asked(adapter(echo), Exchange()).headers["X-Threads"] == here
    assert asked(adapter(waited_for), Exchange()).headers["X-Threads"] != here
    assert posted(adapter(echo), Exchange(b"a"), length=1).headers["X-Threads"] != here


def test_webhook_takes_a_thread_unless_what_it_needs_was_read_after_its_body():
    here, bodies = threading.current_thread().name, []

    async def read(environ):
        bodies.append(environ["wsgi.input"].getvalue())
        return bodies[-1] == b"ab" or None

    for parts, path, takes_none in (
        ((b"a", b"b"), WEBHOOK_PATH, True),
        ((b"a", b"c"), WEBHOOK_PATH, False),
        ((b"a", b"b"), "/", False),
    ):
        answer = posted(adapter(echo, read_ahead=read), Exchange(*parts), length=2, path=path)
        assert (answer.headers["X-Threads"] == here, answer.body) == (takes_none, b"".join(parts))
    assert bodies == [b"ab", b"ac"]


@pytest.mark.parametrize("length", [3, None], ids=["with a length", "chunked"])
def test_body_reaches_the_application(length):
    assert posted(adapter(echo), Exchange(b"ab", b"c"), length=length).body == b"abc"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_body_is_not_read_where_none_belongs(method):
    exchange = asked(adapter(waited_for), Exchange(b"abc"), method=method, headers=[("content-length", "3")])
    assert (exchange.status, exchange.was_read) == (200, 0)


@pytest.mark.parametrize("length", [str(FORM_BYTES + 1), "-1", "many", "²"])
def test_what_the_application_refuses_is_left_unread(length):
    assert posted(adapter(echo), Exchange(b"abc"), length=length).was_read == 0


@pytest.mark.parametrize(("path", "most"), [("/", FORM_BYTES), ("/none", FORM_BYTES), ("/webhooks/gu1", WEBHOOK_BYTES)])
def test_endless_body_is_read_until_it_is_too_long(path, most):
    exchange = posted(adapter(echo), Exchange(*[b"x" * 4096] * 1000), path=path)
    assert len(exchange.body) == most + 1
    assert exchange.was_read < most + 2 * 4096


def test_slow_body_is_answered_when_its_time_is_over(monkeypatch):
    monkeypatch.setattr(rsgi_adapter, "SECONDS_FOR_BODY", 0.1)
    refused = []
    app = RsgiAdapter(echo, nothing_read, places=1, on_refusal=refused.append)
    exchange = posted(app, Exchange(*[b"a"] * 1000, pause=0.02), length=1000)
    assert (exchange.status, exchange.headers["Connection"]) == (408, "close")
    assert {"Content-Security-Policy", "X-Request-Id"} <= exchange.headers.keys()
    assert refused == [Refusal.SLOW_BODY]


@pytest.mark.parametrize("parts", [[b"a", b"", b""], [b"", b""], [b"a=1&", b"b=2", b"", b""]], ids=str)
def test_body_that_was_cut_off_is_not_taken_for_a_whole_one(parts):
    """Granian gives one empty part more for an error than for the end."""
    taken = []
    app = RsgiAdapter(lambda *_: taken.append(1), nothing_read)
    exchange = posted(app, Exchange(*parts))
    assert (exchange.status, exchange.headers["Connection"], taken) == (400, "close", [])
    assert posted(adapter(echo), Exchange(b"a", b"")).body == b"a"


@pytest.mark.asvs("3.4.1")
@pytest.mark.parametrize("base_url", ["https://localhost", "http://localhost"])
def test_refusals_before_the_application_have_the_headers_of_every_answer(config, app, base_url):
    config = config.model_copy(update={"base_url": base_url})
    refusal = posted(over_rsgi(app, config), Exchange(b"a", b"", b"")).headers
    usual = dict(create_app(config).test_client().get("/api/v1/onboardings", base_url=base_url).headers)
    own = {"Content-Type", "Content-Length", "Connection", "X-Request-Id", "WWW-Authenticate"}
    assert {it: refusal[it] for it in refusal.keys() - own} == {it: usual[it] for it in usual.keys() - own}


@pytest.mark.asvs("15.2.2")
@pytest.mark.parametrize("hops", [0, 1], ids=["no proxy", "behind a proxy"])
def test_slow_bodies_of_one_address_are_limited_and_hold_up_nobody_else(hops):
    app = adapter(echo, places=1, client_address=ForwardedHeaders(echo, hops=hops).client_address)
    slow = [Exchange(b"a", pause=30) for _ in range(MOST_BODIES)]

    async def post(exchange, client):
        headers = [("content-length", "1"), ("x-forwarded-for", f"198.51.100.1, {client}" if hops else "198.51.100.1")]
        sender = "203.0.113.1:1" if hops else client
        await app.__rsgi__(scope(method="POST", headers=headers, client=sender), exchange)
        return exchange.status

    async def attack():
        waiting = [asyncio.create_task(post(it, "192.0.2.1:1")) for it in slow]
        await asyncio.sleep(0)
        statuses = [await post(Exchange(b"a"), "192.0.2.1:2"), await post(Exchange(b"a"), "192.0.2.2:1")]
        for it in waiting:
            it.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return [*statuses, await post(Exchange(b"a"), "192.0.2.1:3")]

    assert asyncio.run(attack()) == [429, 200, 200]


def test_proxy_that_names_no_address_has_no_limit():
    app = adapter(echo, client_address=ForwardedHeaders(echo, hops=1).client_address)

    async def together():
        exchanges = [Exchange(b"a", pause=0.05) for _ in range(MOST_BODIES + 5)]
        headers = [("content-length", "1")]
        await asyncio.gather(*(app.__rsgi__(scope(method="POST", headers=headers), it) for it in exchanges))
        return {it.status for it in exchanges}

    assert asyncio.run(together()) == {200}


def test_places_that_wait_for_the_database_stop_nobody():
    stalled, over = threading.Event(), threading.Event()

    def stall(environ, start_response):
        if environ["PATH_INFO"] == "/stalls":
            stalled.set()
            assert over.wait(10)
        return echo(environ, start_response)

    app = RsgiAdapter(stall, nothing_read, places=1)

    async def both():
        stalls = asyncio.create_task(app.__rsgi__(scope(method="POST", path="/stalls"), Exchange()))
        await asyncio.to_thread(stalled.wait, 10)
        other = Exchange()
        await app.__rsgi__(scope(method="POST"), other)
        over.set()
        await stalls
        return other.status

    assert asyncio.run(both()) == 200


@pytest.mark.asvs("1.4.3")
def test_place_is_free_again_after_an_error():
    def broken(_environ, _start_response):
        raise RuntimeError

    app = adapter(broken, places=1)
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            posted(app, Exchange(b"a"), length=1)
    assert time.monotonic() - began < PATIENT / 2


def test_body_in_chunks_is_the_same_to_flask_as_one_with_a_length():
    flask = Flask("reader")
    flask.add_url_rule("/", view_func=lambda: f"{request.form['a']} {request.content_length}", methods=["POST"])
    form = ("content-type", "application/x-www-form-urlencoded")
    answers = {
        asked(adapter(flask), Exchange(b"a=", b"bc"), method="POST", headers=[form, framing]).body
        for framing in (("content-length", "4"), ("transfer-encoding", "chunked"))
    }
    assert answers == {b"bc 4"}


def test_addresses_of_one_ipv6_network_share_the_limit():
    app = adapter(echo)

    async def attack():
        waiting = [
            asyncio.create_task(
                app.__rsgi__(
                    scope(method="POST", headers=[("content-length", "1")], client=f"[2001:db8::{it:x}]:1"),
                    Exchange(b"a", pause=30),
                )
            )
            for it in range(MOST_BODIES)
        ]
        await asyncio.sleep(0)
        last = Exchange(b"a")
        await app.__rsgi__(scope(method="POST", headers=[("content-length", "1")], client="[2001:db8::ffff]:1"), last)
        for it in waiting:
            it.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return last.status

    assert asyncio.run(attack()) == 429


def test_answer_in_parts_is_joined_and_closed():
    class Parts:
        closed = False

        def __iter__(self):
            yield from (b"a", b"b")

        def close(self):
            self.closed = True

    parts = Parts()

    def app(_environ, start_response):
        start_response("200 OK", [])
        return parts

    assert asked(adapter(app), Exchange()).body == b"ab"
    assert parts.closed


def test_request_that_is_made_a_second_time_by_a_thread_is_counted_once():
    class Counting(NoMeter):
        statuses: ClassVar[list[str]] = []

        def observe(self, event, seconds, **labels):
            self.statuses.append(labels["status"])

    asked(adapter(TimedRequests(waited_for, Counting)), Exchange())
    assert Counting.statuses == ["200"]
