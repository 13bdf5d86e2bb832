"""Polls or webhooks of one turn of the event loop share a read, and each gets its own answer of it."""

import asyncio
import hashlib
import hmac
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import pytest

from portal.domain.errors import WouldBlock
from portal.domain.stage import Stage
from portal.services.webhook_handler import fingerprint_of
from portal.web.read_ahead import ReadAhead
from portal.web.webhook.on_the_loop import DELIVERY, REPEATED
from tests.conftest import WEBHOOK_SECRET
from tests.web.stages import stored_as


class Reads:
    def __init__(self, error=None):
        self.asked, self._error = [], error

    def __call__(self, ids):
        self.asked.append(sorted(ids))
        if self._error:
            raise self._error
        return {it: f"state of {it}" for it in ids if it != "unknown"}


@pytest.fixture
def here(app):
    return app.extensions["portal"]


@pytest.fixture
def environ_of_poll(stored):
    def environ(**changes):
        path = stored(**stored_as(Stage.WAITING))
        return {"PATH_INFO": path, "HTTP_ACCEPT": "text/html"} | changes

    return environ


def id_in(environ, here):
    return here.access_links.onboarding_id(environ["PATH_INFO"].split("/")[2])


def all_at_once(ahead, *environs):
    async def gather():
        return await asyncio.gather(*map(ahead, environs), return_exceptions=True)

    return asyncio.run(gather())


def test_those_of_one_turn_share_a_read_and_each_gets_its_own(here, environ_of_poll):
    one, other = environ_of_poll(), environ_of_poll()
    first, second = id_in(one, here), id_in(other, here)
    reads = Reads()
    ahead = ReadAhead(replace(here, poll_states_nonblocking=reads))
    assert all_at_once(ahead, one, other, one) == [f"state of {it}" for it in (first, second, first)]
    assert all_at_once(ahead, other) == [f"state of {second}"]
    assert reads.asked == [sorted([first, second]), [second]]


@pytest.mark.parametrize("path", ["/", "/healthz", "/o/forged", "/o/forged/status", "/api/v1/onboardings"])
def test_what_reads_no_onboarding_does_not_wait(here, path):
    reads = Reads()
    assert all_at_once(ReadAhead(replace(here, poll_states_nonblocking=reads)), {"PATH_INFO": path}) == [None]
    assert reads.asked == []


def environ_of_webhook(body, secret=WEBHOOK_SECRET):
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/webhooks/gu1",
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_WEBHOOK_SIGNATURE": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        "wsgi.input": BytesIO(body),
    }


def that_remembers(here, *bodies, error=None):
    """Webhooks with these bodies; and what was asked for."""
    known, asked = {fingerprint_of(it) for it in bodies}, []

    def repeated(fingerprints):
        asked.append(list(fingerprints))
        if error:
            raise error
        return {it: it in known for it in fingerprints}

    return ReadAhead(replace(here, webhooks=SimpleNamespace(repeated_nonblocking=repeated))), asked


def test_webhooks_of_one_turn_share_a_read_too(here):
    bodies = [b"first", b"new", b"second", b"first"]
    environs = [environ_of_webhook(it) for it in bodies]
    ahead, asked = that_remembers(here, b"first", b"second")
    deliveries = all_at_once(ahead, *environs)
    assert [it.outcome for it in deliveries] == [REPEATED, None, REPEATED, REPEATED]
    assert [it[DELIVERY] for it in environs] == deliveries
    assert asked == [[fingerprint_of(it) for it in bodies[:3]]]


def test_a_forged_webhook_reads_nothing(here):
    ahead, asked = that_remembers(here, b"body")
    forged = [
        environ_of_webhook(b"body", "another secret"),
        environ_of_webhook(b"body") | {"wsgi.input": BytesIO(b"BODY")},
    ]
    assert [bool(it) for it in all_at_once(ahead, *forged, environ_of_webhook(b"body"))] == [False, False, True]
    assert asked == [[fingerprint_of(b"body")]]
    assert not any(DELIVERY in it for it in forged)


@pytest.mark.parametrize("error", [WouldBlock(), RuntimeError("a fault of ours")])
def test_a_webhook_whose_read_failed_is_not_taken_for_repeated(here, error):
    ahead, _asked = that_remembers(here, b"body", error=error)
    environ = environ_of_webhook(b"body")
    assert all_at_once(ahead, environ) == [None]
    assert DELIVERY not in environ


@pytest.mark.parametrize("error", [WouldBlock(), RuntimeError("a fault of ours")])
def test_nobody_waits_for_ever_for_a_read_that_failed(here, environ_of_poll, error):
    ahead = ReadAhead(replace(here, poll_states_nonblocking=Reads(error)))
    assert all_at_once(ahead, environ_of_poll(), environ_of_poll()) == [None, None]


def test_one_that_was_given_up_holds_up_nobody(here, environ_of_poll):
    ahead = ReadAhead(replace(here, poll_states_nonblocking=Reads()))

    async def one_gives_up():
        given_up, kept = (
            asyncio.ensure_future(ahead(environ_of_poll())),
            asyncio.ensure_future(ahead(environ_of_poll())),
        )
        await asyncio.sleep(0)
        given_up.cancel()
        return await kept

    assert asyncio.run(one_gives_up()).startswith("state of")
