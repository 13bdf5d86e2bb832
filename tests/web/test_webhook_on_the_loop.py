"""Repeated webhooks and whole rows are dealt with on the event loop, as Flask would: each is delivered both ways."""

import asyncio
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.services.request_ids import HEADER
from portal.services.webhook_handler import fingerprint_of
from portal.store import quick_reads
from portal.web.flask_app import over_rsgi
from portal.web.webhook.on_the_loop import LONGEST, WEBHOOK_PATH
from portal.web.webhook.receiver import WEBHOOK_BYTES
from tests.conftest import WEBHOOK_SECRET
from tests.databases import on_both_databases
from tests.factories import NOW, an_adopted_validation, an_onboarding
from tests.gu1.rows import ID, a_row
from tests.hypothesis_profiles import some
from tests.web.both_ways import step_of
from tests.web.rsgi import Exchange, nothing_read, scope

ROTATED_SECRET = "the-secret-before"
EVENT = {"event": "kyc.validation_approved", "payload": a_row(updatedAt="2026-03-02T12:05:00Z")}
BODY = json.dumps(EVENT).encode()
COUNTED = ("portal_webhooks_total", "portal_refusals_total", "portal_http_seconds_count")


def sign(body, secret=WEBHOOK_SECRET):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
def hops():
    return 0


@pytest.fixture
def config(config, hops):
    secrets = (WEBHOOK_SECRET, ROTATED_SECRET)
    return config.model_copy(update={"gu1_webhook_secrets": secrets, "trusted_proxies": hops})


with_and_without_proxy = pytest.mark.parametrize("hops", [0, 1])


@pytest.fixture
def owned():
    """Whether the validation that webhooks are about is of an onboarding."""
    return False


@pytest.fixture
def begin_anew(app, owned, sql):
    """Gives what reads the onboarding, which is as before its webhooks."""
    store = app.extensions["portal"].onboardings._store
    fresh = an_onboarding(validation=an_adopted_validation(gu1_id=ID, opened_at=NOW))

    def begin_anew():
        sql(f"DELETE FROM onboardings WHERE id = '{fresh.id}'")
        if owned:
            store.add(fresh)
        return lambda: replace(store.get(fresh.id), request_id=None) if owned else None

    return begin_anew


with_and_without_owner = pytest.mark.parametrize("owned", [False, True], ids=["not ours", "ours"])
with_owner = pytest.mark.parametrize("owned", [True], ids=["ours"])


@pytest.fixture
def asked(app):
    """What the step in front of Flask asks it."""
    asked, step = [], step_of(app)

    def flask(environ, start_response):
        asked.append(environ["PATH_INFO"])
        return Flask.wsgi_app(app, environ, start_response)

    step._flask = flask
    step._answers.clear()
    yield asked
    step._flask = Flask.wsgi_app.__get__(app)


@pytest.fixture
def doors(app, config):
    """The portal as it is, and one whose every request goes to Flask."""
    doors = over_rsgi(app, config), over_rsgi(app, config)
    doors[1]._read_ahead = nothing_read
    yield doors
    for door in doors:
        door._threads.shutdown()


@pytest.fixture(autouse=True)
def patient_reads(monkeypatch):
    monkeypatch.setattr(quick_reads, "SLOW", 10.0)
    monkeypatch.setattr(quick_reads, "NONBLOCKING_TIMEOUT", 10.0)


@pytest.fixture
def both_ways(app, doors, asked, sql, begin_anew):
    """Delivers by both doors: whether the first asked Flask, and its answer, which is that of the other one."""
    metrics = app.extensions["portal"].metrics

    def deliver(door, stored, request):
        remember_only(stored, sql)
        read = begin_anew()
        before, exchange = counted(metrics), ask(door, request)
        counts = {name: number - before.get(name, 0) for name, number in counted(metrics).items()}
        headers = [it for it in exchange.given_headers if it[0] != HEADER]
        assert len(headers) == len(exchange.given_headers) - 1
        answer = exchange.status, headers, exchange.body
        return answer, {name: it for name, it in counts.items() if it}, read()

    def both_ways(stored=(BODY,), **request):
        asked.clear()
        fast, was_asked = deliver(doors[0], stored, request), bool(asked)
        assert fast == deliver(doors[1], stored, request), request
        return was_asked, fast[0]

    for _ in range(quick_reads.CONNECTIONS):  # they are opened by reads in threads
        deliver(doors[1], (), a_delivery())
    return both_ways


@on_both_databases
@with_owner
def test_a_whole_row_reaches_flask_once(both_ways):
    asked = []
    for body in (BODY, BODY + b" "):
        was_asked, (status, _headers, said) = both_ways((), **a_delivery(body))
        assert (status, json.loads(said)) == (200, {"outcome": "applied"})
        asked.append(was_asked)
    assert asked == [True, False]


@with_owner
def test_a_whole_row_says_which_request_changed_it(both_ways, doors, app, sql):
    remember_only((), sql)
    for number, sent in enumerate(("of-gu1", "not well formed")):
        body = BODY + b" " * number
        told = dict(ask(doors[0], a_delivery(body, headers=[("x-request-id", sent)])).given_headers)[HEADER]
        assert (told == sent) is (sent == "of-gu1")
        assert app.extensions["portal"].onboardings.find_by_validation(ID).request_id == told


@pytest.fixture(params=[True, False], ids=["due", "not due"])
def woken(app, monkeypatch, request):
    """What a whole row did besides, with what it is to do; the runner is woken if gu1 is to be read."""
    onboardings, woken = app.extensions["portal"].onboardings, []
    monkeypatch.setattr(onboardings, "_observe", lambda *_, **__: request.param)
    monkeypatch.setattr(onboardings, "_wake", lambda: woken.append("runner"))
    monkeypatch.setattr(onboardings.refresh_plan.webhook_trust, "note_webhook", lambda seen: woken.append(seen.gu1_id))
    return woken, ["runner", ID] if request.param else [ID]


@with_owner
def test_a_whole_row_shows_that_webhooks_come_and_wakes_the_runner(both_ways, doors, asked, sql, woken):
    woken, expected = woken
    both_ways((), **a_delivery())
    for door, asked_flask in zip(doors, ([], [WEBHOOK_PATH]), strict=True):
        woken.clear()
        asked.clear()
        remember_only((), sql)
        assert ask(door, a_delivery()).status == 200
        assert (woken, asked) == (expected, asked_flask)


@with_owner
def test_a_whole_row_that_the_database_does_not_keep_is_to_be_sent_again(both_ways, doors, writes_fail, sql):
    remember_only((), sql)
    mend = writes_fail("webhook_deliveries")
    assert [ask(door, a_delivery()).status for door in doors] == [503, 503]
    mend()
    assert ask(doors[0], a_delivery()).status == 200


@with_owner
def test_without_a_thread_for_changes_it_is_answered_all_the_same(both_ways, doors, app, sql, monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    remember_only((), sql)
    changes = app.extensions["portal"].onboardings._store._group_commit
    monkeypatch.setattr(changes._group_thread, "submit", refuse)
    assert [ask(door, a_delivery()).status for door in doors] == [500, 500]


@with_owner
def test_a_fault_of_ours_is_reported_by_a_thread(both_ways, doors, monkeypatch, caplog, sql):
    remember_only((), sql)

    def fail(*_):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("portal.services.apply_observation.ObservationApplier.apply_unrequested", fail)
    assert ask(doors[0], a_delivery()).status == 500
    assert "a fault of ours" in caplog.text


def remember_only(bodies, sql):
    sql("DELETE FROM webhook_deliveries")
    for body in bodies:
        sql(f"INSERT INTO webhook_deliveries VALUES ('{fingerprint_of(body)}', '2026-03-02 12:00:00')")


def ask(door, request):
    exchange = Exchange(*request["parts"])
    asyncio.run(door.__rsgi__(scope(**{name: it for name, it in request.items() if name != "parts"}), exchange))
    return exchange


def counted(metrics):
    lines = (line.rpartition(" ") for line in metrics.page().decode().splitlines() if line.startswith(COUNTED))
    return {name: float(number) for name, _, number in lines}


def a_delivery(body=BODY, signature=None, headers=(), **changes):
    """As gu1 makes it."""
    usual = {
        "host": "127.0.0.1:8000",
        "x-webhook-signature": sign(body) if signature is None else signature,
        "content-type": "application/json",
        "content-length": str(len(body)),
    }
    named = {name for name, _ in headers}
    kept = [it for it in usual.items() if it[0] not in named]
    given = [*kept, *(it for it in headers if it[1] is not None)]
    return {"method": "POST", "path": WEBHOOK_PATH, "parts": [body], "headers": given} | changes


@on_both_databases
def test_a_repeated_delivery_reaches_flask_once(both_ways):
    asked = []
    for body in (BODY, BODY + b" ", b"{}"):
        was_asked, (status, _headers, said) = both_ways((body,), **a_delivery(body))
        assert (status, json.loads(said)) == (200, {"outcome": "repeated"})
        asked.append(was_asked)
    assert asked == [True, False, False]


LONG = BODY.ljust(LONGEST)
BODIES = {
    "as it was": BODY,
    "other bytes": json.dumps(EVENT, indent=1).encode(),
    "with a space": BODY + b" ",
    "cut": BODY[:-1],
    "empty": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "of another kind": b"{}",
    "long": LONG,
    "too long for the loop": LONG + b" ",
    "longest": BODY.ljust(WEBHOOK_BYTES),
    "too long": BODY.ljust(WEBHOOK_BYTES + 1),
}
STORED = {
    "nothing": (),
    "another": (BODY + b" ",),
    "several": (b"{}", BODY, LONG),
    "long ones": (LONG + b" ", BODY.ljust(WEBHOOK_BYTES), BODY.ljust(WEBHOOK_BYTES + 1)),
}
SIGNATURES = {
    "in capitals": lambda body: sign(body).upper(),
    "named": lambda body: "sha256=" + sign(body),
    "named in capitals": lambda body: "SHA256=" + sign(body),
    "named twice": lambda body: "sha256=sha256=" + sign(body),
    "with spaces": lambda body: f" {sign(body)}\t",
    "of the secret before": lambda body: sign(body, ROTATED_SECRET),
    "of another secret": lambda body: sign(body, "another secret"),
    "of no secret": lambda body: sign(body, ""),
    "of another body": lambda body: sign(body + b" "),
    "cut": lambda body: sign(body)[:-1],
    "twice": lambda body: f"{sign(body)},{sign(body)}",
    "empty": lambda body: "",
    "long": lambda body: "a" * 10_000,
    "no hexadecimal": lambda body: "g" * 64,
    "other digits": lambda body: "\u0663" * 64,
}
HEADERS = {
    "accept": ["text/html", "application/json", "image/png", ""],
    "accept-encoding": ["gzip", "br", "identity"],
    "accept-language": ["pt", "xx"],
    "authorization": ["Bearer x"],
    "connection": ["close"],
    "content-encoding": ["gzip"],
    "content-length": [None, "0", "-1", "many", "1", f"0{len(BODY)}", f"+{len(BODY)}", str(len(BODY) + 1), "9" * 20],
    "content-type": [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
    "cookie": ["a=1"],
    "expect": ["100-continue"],
    "host": [
        *(None, "", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:99999", "127.0.0.1:", "localhost", "evil.example"),
        *("127.0.0.1:8000,evil.example", "\u00e9"),
    ],
    "hx-request": ["true"],
    "if-none-match": ["*"],
    "origin": ["https://evil.example", "null"],
    "range": ["bytes=0-1"],
    "sec-fetch-site": ["cross-site"],
    "transfer-encoding": ["chunked", "gzip, chunked", "identity"],
    "user-agent": ["", "curl/8"],
    "x-forwarded-for": ["198.51.100.7", "203.0.113.9, 198.51.100.7", "x"],
    "x-forwarded-host": ["evil.example", "127.0.0.1:8000", "127.0.0.1:8000, evil.example", ""],
    "x-forwarded-port": ["443", "x"],
    "x-forwarded-prefix": ["/x"],
    "x-forwarded-proto": ["https", "ftp"],
    "x-http-method-override": ["DELETE"],
    "x-request-id": ["of-gu1.7", "\u00e9", ""],
    "x_webhook_signature": ["0" * 64],
}
REQUESTS = [
    *({"method": it} for it in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "ODD")),
    *({"path": f"/webhooks/{it}"} for it in ("gu1/", "", "/gu1", "GU1", "gu1\u00e9", "gu1.json", "./gu1")),
    *({"query_string": it} for it in ("x=1", "lang=en", "\u00e9", "a=%ff")),
    {"http_version": "1.0"},
    {"scheme": "https"},
    {"client": "[2001:db8::1]:4000"},
]
ODDITIES = [
    *(("body", it) for it in BODIES.values()),
    *(("stored", it) for it in STORED.values()),
    *(("signature", it) for it in SIGNATURES.values()),
    *(("header", (name, value)) for name, values in HEADERS.items() for value in values),
    *(("request", it) for it in REQUESTS),
    ("parts", "two"),
    ("parts", "broken"),
]
"""What is unusual about a delivery of gu1's."""


def deliver_odd(oddities, both_ways, stored=(BODY,)):
    body, signature, headers, request = BODY, sign, [], {}
    for what, it in oddities:
        body = it if what == "body" else body
        stored = it if what == "stored" else stored
        signature = it if what == "signature" else signature
        headers += [it] if what == "header" else []
        request |= it if what == "request" else {}
    for what, it in oddities:
        if what == "parts":
            request["parts"] = {"two": [body[:9], body[9:]], "broken": [body[:9], b"", b""]}[it]
    for _ in range(2):  # the answer to the second may be remembered
        found = both_ways(stored, **a_delivery(body, signature(body), headers, **request))
    return found


@pytest.mark.long
@with_and_without_owner
@with_and_without_proxy
def test_whatever_is_odd_is_answered_the_same_both_ways(both_ways, owned):
    for oddity in ODDITIES:
        deliver_odd([oddity], both_ways, () if owned else (BODY,))


@pytest.mark.long
@with_and_without_owner
@with_and_without_proxy
@given(oddities=st.lists(st.sampled_from(ODDITIES), min_size=2, max_size=5))
@settings(some, suppress_health_check=list(HealthCheck))
def test_any_oddities_together_are_answered_the_same_both_ways(both_ways, owned, oddities):
    deliver_odd(oddities, both_ways, () if owned else (BODY,))


TO_FLASK = {
    "new": [("stored", ())],
    "of other bytes": [("body", BODIES["other bytes"])],
    "too long for the loop": [("body", BODIES["too long for the loop"]), ("stored", STORED["long ones"])],
    "forged": [("signature", SIGNATURES["of another secret"])],
    "signed twice": [("signature", SIGNATURES["twice"])],
    "of another length": [("header", ("content-length", f"0{len(BODY)}"))],
    "for another host": [("header", ("host", "evil.example"))],
    "put": [("request", {"method": "PUT"})],
    "with a query": [("request", {"query_string": "x=1"})],
    "to another address": [("request", {"path": "/webhooks/gu1/"})],
}


@pytest.mark.parametrize("oddities", TO_FLASK.values(), ids=TO_FLASK)
def test_what_is_not_certainly_a_repeated_delivery_reaches_flask(both_ways, oddities):
    both_ways(**a_delivery())
    assert deliver_odd(oddities, both_ways)[0]


@pytest.mark.parametrize("signature", ["in capitals", "named", "of the secret before"])
def test_each_good_signature_is_enough(both_ways, signature):
    both_ways(**a_delivery())
    was_asked, (status, _headers, _body) = deliver_odd([("signature", SIGNATURES[signature])], both_ways)
    assert (was_asked, status) == (False, 200)


def test_what_was_forgotten_is_new_again(both_ways):
    outcomes = [json.loads(both_ways(stored, **a_delivery())[1][2])["outcome"] for stored in ((BODY,), (), (BODY,))]
    assert outcomes == ["repeated", "not_ours", "repeated"]


def test_what_is_forgotten_before_a_thread_is_free_is_repeated_all_the_same(both_ways, doors, asked, sql, count):
    """Otherwise the answer to a new one would be kept."""
    read = doors[0]._read_ahead

    async def forgets(environ):
        found = await read(environ)
        sql("DELETE FROM webhook_deliveries")
        return found

    doors[0]._read_ahead = forgets
    for was_asked in (True, False):
        remember_only([BODY], sql)
        asked.clear()
        answer = ask(doors[0], a_delivery())
        assert (json.loads(answer.body), bool(asked)) == ({"outcome": "repeated"}, was_asked)
        assert count("webhook_deliveries") == 0


@with_and_without_owner
def test_while_the_database_is_slow_flask_is_asked(both_ways, monkeypatch):
    """A repeated delivery that was not looked for must not be taken for a new one."""
    both_ways(**a_delivery())
    monkeypatch.setattr(quick_reads, "SLOW", -1.0)
    for _ in range(2):
        was_asked, (status, _headers, _body) = both_ways(**a_delivery())
        assert (was_asked, status) == (True, 200)


@on_both_databases
def test_while_the_database_is_away_it_is_asked_for_again(both_ways, doors, sql):
    both_ways(**a_delivery())
    sql("ALTER TABLE webhook_deliveries RENAME TO away")
    assert [ask(door, a_delivery()).status for door in doors] == [503, 503]
    sql("ALTER TABLE away RENAME TO webhook_deliveries")
    assert [ask(door, a_delivery()).status for door in doors] == [200, 200]
