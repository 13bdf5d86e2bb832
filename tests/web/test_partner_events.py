"""Notifications that partners have sent again, and tests of their backends."""

import asyncio
import hmac
import json
import time
from base64 import b64encode
from dataclasses import replace
from threading import Thread

import pytest

from portal.app import runner_of
from portal.partners.registry import Registry
from portal.partners.toml_file import read_registry
from portal.services.notification import DeliveryResult, NotificationEndpoint
from portal.services.partner_changes import NOTIFICATIONS_LIMIT
from portal.services.summary import Summary
from tests.databases import on_both_databases
from tests.partners import KEYS, partners_file
from tests.receiver import receiving
from tests.web.conftest import ONBOARDINGS, is_problem
from tests.web.test_partner_api import bytes_of


@pytest.fixture
def config(config, tmp_path):
    notified = 'notify_url = "https://bank.example/news"'
    return config.model_copy(update={"partners_file": partners_file(tmp_path, gone="", bank=notified)})


SECRET = b"a secret of the test, thirty-two"


class Backend:
    """Answers what it is told, and keeps what it was sent."""

    def __init__(self):
        self.answer = DeliveryResult(200)
        self.sent = []

    async def send(self, url, body, headers):
        self.sent.append((url, headers["webhook-id"], json.loads(body)))
        return self.answer


@pytest.fixture
def backend(app):
    backend = Backend()
    runner_of(app).notifications._notifier = backend
    return backend


@pytest.fixture
def deliver(app, backend, clock):
    def deliver():
        clock.advance(seconds=1)
        asyncio.run(runner_of(app).notifications.work_until_idle())
        return backend.sent

    return deliver


@pytest.fixture
def told(created, api, deliver):
    """The address of a cancelled onboarding, and the id of the notification of it, which was delivered."""
    api("POST", f"{created}/cancel")
    ((_url, event_id, _body),) = deliver()
    return created, event_id


@pytest.fixture
def resend(api, told):
    def resend(event_id=told[1], *, once=None, path=told[0], **options):
        headers = {"Idempotency-Key": once} if once else {}
        return api("POST", f"{path}/events/{event_id}/resend", headers=headers, **options)

    return resend


@on_both_databases
def test_delivered_notification_is_listed_and_sent_again(told, resend, api, deliver):
    (listed,) = api("GET", f"{told[0]}/events").json["notifications"]
    assert (listed["id"], listed["sequence"], listed["attempts"], listed["outcome"]) == (told[1], 1, 1, "HTTP 200")
    assert listed["delivered_at"] and listed["next_try_at"] is None
    answer = resend()
    assert (answer.status_code, answer.json["id"], answer.json["delivered_at"]) == (202, told[1], None)
    first, again = deliver()
    assert first == again


@on_both_databases
def test_repeated_key_sends_it_again_once(resend, deliver):
    assert resend(once="k").status_code == 202
    deliver()
    assert resend(once="k").status_code == 202
    assert len(deliver()) == 2
    assert resend(once="l").status_code == 202
    assert len(deliver()) == 3


@on_both_databases
def test_repeated_key_finds_a_notification_however_many_followed(told, resend, api, sql):
    first = resend(once="k")
    same = "partner, onboarding_id, payload, created_at, due_at, lease_until, attempts, outcome, delivered_at, type"
    copy = f"INSERT INTO events (id, sequence, {same}) SELECT '{{0}}', {{0}}, {same} FROM events WHERE sequence = 1"
    for number in range(2, NOTIFICATIONS_LIMIT + 2):
        sql(copy.format(number))
    assert told[1] not in [it["id"] for it in api("GET", f"{told[0]}/events").json["notifications"]]
    again = resend(once="k")
    assert (again.status_code, again.json) == (202, first.json)


def test_key_of_another_request_is_refused(resend, api, create):
    create("customer-8", once="k")
    assert is_problem(resend(once="k"), 422)


@on_both_databases
def test_foreign_and_unknown_events_look_the_same(told, resend, create, api, deliver):
    foreign = f"{ONBOARDINGS}/{create(key=KEYS['bank']).json['id']}"
    api("POST", f"{foreign}/cancel", key=KEYS["bank"])
    theirs = deliver()[-1][1]
    other = f"{ONBOARDINGS}/{create('customer-8').json['id']}"
    answers = {
        bytes_of(it)
        for it in (
            resend(theirs),
            resend(theirs, path=foreign),
            resend("evt_unknown"),
            resend("a%00b"),
            resend("x" * 5000),
            resend(path=other),
            resend(path=f"{ONBOARDINGS}/unknown"),
        )
    }
    assert len(answers) == 1 and answers.pop()[0] == 404
    assert len(deliver()) == 2


def test_erased_notification_is_gone(told, resend, api, deliver):
    api("DELETE", told[0])
    assert is_problem(resend(), 404)


@pytest.fixture
def receiver(monkeypatch):
    """A backend over HTTP, and what of it the portal's tests are sent to."""
    with receiving() as found:
        monkeypatch.setattr(Registry, "notification_endpoints", lambda _: {it: _endpoint(found.url) for it in KEYS})
        yield found


def _endpoint(url):
    return NotificationEndpoint(url, (SECRET,))


def is_signed(delivery):
    headers = delivery.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + delivery.body
    return headers["webhook-signature"] == "v1," + b64encode(hmac.digest(SECRET, signed, "sha256")).decode()


def test_test_event_is_sent_signed_and_with_the_fields_of_a_real_one(receiver, api):
    answer = api("POST", "/api/v1/test-event")
    (delivery,) = receiver.deliveries
    said, sent = answer.json, json.loads(delivery.body)
    assert (answer.status_code, said["delivered"], said["outcome"]) == (200, True, "HTTP 200")
    assert (said["id"], sent["type"]) == (delivery.headers["webhook-id"], "onboarding.test")
    assert is_signed(delivery)
    assert list(sent["data"]) == [*Summary.__dataclass_fields__, "sequence"]
    assert (sent["data"]["id"], sent["data"]["livemode"]) == ("test", False)


def test_what_the_backend_answers_is_said(receiver, api):
    receiver.statuses = [500, 410]
    outcomes = [api("POST", "/api/v1/test-event").json for _ in range(2)]
    assert [(it["delivered"], it["outcome"]) for it in outcomes] == [(False, "HTTP 500"), (False, "gone")]


def test_repeated_key_sends_a_test_with_the_same_id(receiver, api):
    def test(key, partner="shop"):
        return api("POST", "/api/v1/test-event", key=KEYS[partner], headers={"Idempotency-Key": key})

    assert bytes_of(test("k")) == bytes_of(test("k"))
    assert test("k").json["id"] not in {test("l").json["id"], test("k", "bank").json["id"]}


def test_one_test_at_a_time_holds_up_a_server(receiver, api, app):
    receiver.go_on.clear()
    first = Thread(target=app.extensions["portal"].backend_test.run, args=["shop"], kwargs={"key": None})
    first.start()
    while not receiver.deliveries:
        time.sleep(0.01)
    busy = api("POST", "/api/v1/test-event")
    assert is_problem(busy, 429) and int(busy.headers["Retry-After"]) > 0
    receiver.go_on.set()
    first.join()
    assert api("POST", "/api/v1/test-event").status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"json": {"type": "x"}}, 422),
        ({"data": b"x"}, 415),
        ({"data": b" " * 16385, "content_type": "application/json"}, 413),
        ({"headers": {"Idempotency-Key": "ñ"}}, 400),
    ],
)
def test_what_cannot_be_read_is_refused(api, told, deliver, sent, status):
    for path in ("/api/v1/test-event", f"{told[0]}/events/{told[1]}/resend"):
        assert is_problem(api("POST", path, **sent), status)
    assert len(deliver()) == 1


def test_partner_without_a_backend_is_told_so(config, app, api):
    path = config.partners_file
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "notify_url" not in line))
    app.extensions["portal"] = replace(app.extensions["portal"], partners=read_registry(path))
    answer = api("POST", "/api/v1/test-event")
    assert is_problem(answer, 409) and answer.json["code"] == "not_notified"
