"""Webhooks that come late, twice, out of order, never, forged, or again."""

import hashlib
import hmac
import time

import pytest

from e2e.mock_client import SECRET, MockClient
from e2e.mock_gu1 import SIGNATURE_HEADER
from e2e.mock_gu1.envelopes import signature


def steps(mock):
    return [event["event"].rsplit("_", 1)[1] for event in mock.events()]


def ten_validations(mock):
    entity = mock.entity()
    return [mock.validation(entity)["id"] for _ in range(10)]


def listed(mock):
    return mock.client.get("/_mock/webhooks").json["deliveries"]


def good(body, headers):
    return headers.get(SIGNATURE_HEADER) == hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def test_deliveries_are_listed_with_what_they_were_answered(mock):
    mock.answers = [500, 200, 404, 404, 404]
    mock.choose(mock.validation(mock.entity()), "approve")
    mock.events()
    assert [(it["number"], it["state"], it["answers"]) for it in listed(mock)] == [
        (1, "delivered", [500, 200]),
        (2, "given_up", [404, 404, 404]),
    ]


def test_each_is_sent_as_often_as_told(mock):
    mock.told("webhooks", copies=3)
    mock.validation(mock.entity())
    assert steps(mock) == ["created"] * 3
    assert len({body for body, _ in mock.received}) == 1


def test_delay_keeps_a_delivery_back(mock):
    mock.told("webhooks", delay=0.05)
    started = time.monotonic()
    mock.validation(mock.entity())
    assert steps(mock) == ["created"]
    assert time.monotonic() - started >= 0.05


def test_shuffle_changes_the_order_but_loses_nothing(mock):
    mock.told("webhooks", shuffle=0.2)
    ids = ten_validations(mock)
    arrived = [event["payload"]["id"] for event in mock.events()]
    assert arrived != ids and sorted(arrived) == sorted(ids)


def test_every_second_is_lost(mock):
    mock.told("webhooks", lose_every=2)
    ten_validations(mock)
    assert len(mock.events()) == 5
    assert [it["state"] for it in listed(mock)] == ["delivered", "lost"] * 5


def test_chance_loses_the_same_ones_for_the_same_seed():
    lost = []
    for seed in (1, 1, 2):
        mock = MockClient(seed=seed)
        mock.told("webhooks", lose=0.5)
        ten_validations(mock)
        lost.append([it["number"] for it in listed(mock) if it["state"] == "lost"])
    assert lost[0] == lost[1] != lost[2]


def test_forged_delivery_does_not_verify(mock):
    entity = mock.entity()
    for forge in ("wrong", "unsigned", "other_secret"):
        mock.told("webhooks", forge=forge)
        mock.validation(entity)
        mock.events()
        body, headers = mock.received[-1]
        assert not good(body, headers), forge
        assert (SIGNATURE_HEADER in headers) is (forge != "unsigned")


@pytest.mark.parametrize(("form", "start"), [("hex", ""), ("upper", ""), ("prefixed", "sha256=")])
def test_signature_has_the_form_of_the_variant(form, start):
    mock = MockClient(signature=form)
    mock.validation(mock.entity())
    mock.events()
    body, headers = mock.received[0]
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE_HEADER] == start + (expected.upper() if form == "upper" else expected)


def test_signature_may_be_base64():
    assert signature("k", b"x", "base64").endswith("=")


def test_envelope_is_changed_at_run_time(mock):
    entity = mock.entity()
    for envelope in ("v1", "v2a", "v2b"):
        mock.told("webhooks", envelope=envelope)
        mock.validation(entity)
        body = mock.events()[-1]
        assert ("type" in body) is (envelope == "v1")
        assert "validationId" in body.get("payload", body.get("data")) or envelope == "v2b"


@pytest.mark.parametrize(
    ("order", "expected"), [("as_held", ["created", "approved"]), ("reversed", ["approved", "created"])]
)
def test_held_deliveries_are_released_in_the_order_told(mock, order, expected):
    mock.told("webhooks", hold=True)
    mock.choose(mock.validation(mock.entity()), "approve")
    assert steps(mock) == []
    assert mock.told("webhooks/release", order=order).json == {"released": 2}
    assert steps(mock) == expected


def test_old_delivery_is_replayed_byte_for_byte(mock):
    mock.choose(mock.validation(mock.entity()), "approve")
    mock.events()
    mock.told("webhooks/replay", number=1)
    mock.events()
    assert mock.received[2] == mock.received[0]
    assert mock.told("webhooks/replay", number=99).status_code == 404


def test_event_of_another_kind_is_sent_signed(mock):
    entity = mock.entity()
    for event in ("entity.created", "rule.triggered", "biometric.session_created", "no.such_thing"):
        mock.told("webhooks/send", event=event, entity=entity["id"], payload={"more": 1})
        body = mock.events()[-1]
        assert (body["event"], body["payload"]["id"], body["payload"]["more"]) == (event, entity["id"], 1)
        assert ("organizationId" in body) is (event != "entity.created") and good(*mock.received[-1])


def test_older_pages_know_six_events():
    mock = MockClient(webhook_events="six")
    mock.choose(mock.validation(mock.entity()), "review")
    assert steps(mock) == ["created"]


def test_two_steps_approve_before_the_registry_has_answered():
    mock = MockClient(renaper="two_steps")
    validation = mock.validation(mock.entity())
    mock.choose(validation, "RENAPER_DNI_NOT_MATCH")
    mock.told("clock", advance_seconds=5)
    approved, rejected = mock.events()[1:]
    assert (approved["payload"]["status"], rejected["payload"]["status"]) == ("approved", "rejected")
    assert "responseDoubleChecks" not in approved["payload"]["metadata"]


def test_two_steps_confirm_an_approval_by_a_second_event():
    mock = MockClient(renaper="two_steps")
    mock.choose(mock.validation(mock.entity()), "approve")
    mock.told("clock", advance_seconds=5)
    assert steps(mock) == ["created", "approved", "approved"]
    assert mock.events()[-1]["payload"]["metadata"]["responseDoubleChecks"]["renaper"]["verified"] is True


def test_switch_that_cannot_be_is_refused(mock):
    for body in (
        {"copies": 0},
        {"lose": 2},
        {"forge": "well"},
        {"hold": 7},
        {"hold": []},
        {"delay": 1e300},
        {"nothing": 1},
        {"envelope": "v9"},
    ):
        assert mock.told("webhooks", **body).status_code == 400, body
