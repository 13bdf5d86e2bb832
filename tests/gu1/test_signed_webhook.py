from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from portal.domain.errors import Malformed
from portal.domain.status import Status
from portal.gu1.signed_webhook import parse_webhook
from portal.services.webhook_handler import VerifiedWebhook
from tests.gu1.rows import ENTITY_ID, ID, a_row
from tests.gu1.webhooks import signed_and_parsed

BODY = b'{"event": "kyc.validation_approved"}'
SIGNATURE = hmac.new(b"new", BODY, hashlib.sha256).hexdigest()


def an_event(payload: object, event: str = "kyc.validation_approved") -> VerifiedWebhook:
    return signed_and_parsed(json.dumps({"event": event, "timestamp": "…", "payload": payload}).encode())


@pytest.mark.parametrize("signature", [SIGNATURE, SIGNATURE.upper(), f"sha256={SIGNATURE}", f" {SIGNATURE} "])
def test_genuine_signature_is_recognised(signature: str) -> None:
    assert parse_webhook(BODY, signature, ["old", "new"]) is not None


@pytest.mark.parametrize("signature", [None, "", "é" * 64, "0" * 64, SIGNATURE[:-1], f"md5={SIGNATURE}", "sha256="])
def test_any_other_signature_is_refused(signature: str | None) -> None:
    assert parse_webhook(BODY, signature, ["old", "new"]) is None


def test_signature_is_of_the_raw_body() -> None:
    assert parse_webhook(BODY + b" ", SIGNATURE, ["new"]) is None


@pytest.mark.parametrize("secrets", [[], [""]])
def test_empty_secret_never_matches(secrets: list[str]) -> None:
    assert parse_webhook(BODY, hmac.new(b"", BODY, hashlib.sha256).hexdigest(), secrets) is None


def test_whole_row_is_an_observation() -> None:
    event = an_event(a_row(status="approved", entity={"id": ENTITY_ID}))
    assert event.gu1_id == ID
    assert event.observation
    assert event.observation.status is Status.APPROVED


def test_short_payload_names_its_validation_only() -> None:
    event = an_event({"validationId": ID, "entityId": ENTITY_ID, "entity": {"id": ENTITY_ID}, "status": "approved"})
    assert event == VerifiedWebhook(ID)


def test_oldest_envelope_is_read() -> None:
    body = json.dumps({"type": "kyc.validation_expired", "data": {"validationId": ID, "status": "expired"}}).encode()
    assert signed_and_parsed(body) == VerifiedWebhook(ID)


@pytest.mark.parametrize("changes", [{"updatedAt": None}, {"updatedAt": "x"}, {"status": None}, {"validationId": "v2"}])
def test_row_that_is_not_whole_is_no_observation(changes: dict[str, Any]) -> None:
    event = an_event(a_row() | changes)
    assert event.observation is None
    assert event.gu1_id == changes.get("validationId", ID)


def test_id_of_the_entity_is_never_the_validation() -> None:
    assert an_event({"entity": {"id": ENTITY_ID}, "entityId": ENTITY_ID}).gu1_id is None


@pytest.mark.parametrize("event", ["entity.updated", "biometric.session_approved", "rule.triggered", ""])
def test_other_events_are_about_no_validation(event: str) -> None:
    assert an_event(a_row(), event) == VerifiedWebhook()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"7", b"{", b"\xff\xfe\xff", b'"x"', b"[" * 100_000, b"1" * 5000]
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        signed_and_parsed(body)
