"""Whatever is delivered, genuinely signed: an event or `Malformed` here, and never an error at the door."""

from __future__ import annotations

import pytest
from flask import Flask
from hypothesis import given

from portal.config import Config
from portal.domain.errors import Malformed
from portal.gu1.parsing import identifier
from portal.store.database import make_engine
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.factories import an_adopted_validation, an_onboarding
from tests.gu1.any_json import any_bytes
from tests.gu1.rows import ENTITY_ID, ID, a_person, a_rejected_row, a_row, renaper
from tests.gu1.webhooks import signature_of, signed_and_parsed
from tests.hypothesis_profiles import many

_SHORT = {"validationId": ID, "entityId": ENTITY_ID, "entity": a_person(), "status": "approved"}
_WHOLE = a_row(status="approved", updatedAt="2026-03-02T13:00:00Z", extractedData={"documentNumber": "30111222"})
_REJECTED = a_rejected_row(warnings=["DOCUMENT_EXPIRED"], metadata=renaper(errorCode="RENAPER_DNI_MISSING"))
_BODIES = (
    {"type": "kyc.validation_approved", "data": _SHORT},
    {"event": "kyc.validation_approved", "timestamp": "2026-03-02T13:00:00Z", "payload": _SHORT},
    {"event": "kyc.validation_approved", "organizationId": "org", "payload": _WHOLE | {"entity": a_person()}},
    {"event": "kyc.validation_rejected", "organizationId": "org", "payload": _REJECTED},
    {"event": "kyc.validation_in_progress", "payload": a_row(status="in_progress")},
    {"event": "entity.updated", "payload": a_person()},
)


@pytest.mark.asvs("1.5.2", "15.3.5")
@many
@given(any_bytes(*_BODIES))
def test_any_delivery_is_an_event_or_malformed(body: bytes) -> None:
    try:
        news = signed_and_parsed(body)
    except Malformed:
        return
    assert news.gu1_id is None or identifier(news.gu1_id) == news.gu1_id
    assert news.observation is None or news.observation.gu1_id == news.gu1_id


@pytest.mark.long
def test_door_withstands_any_delivery(app: Flask, config: Config) -> None:
    store = Repository(make_engine(config.database_url), ColumnCipher(config.secret_keys))
    onboarding = store.add(an_onboarding(entity_id=ENTITY_ID, validation=an_adopted_validation(gu1_id=ID)))
    door = app.test_client()

    @many
    @given(any_bytes(*_BODIES))
    def deliver(body: bytes) -> None:
        answer = door.post("/webhooks/gu1", data=body, headers={"X-Webhook-Signature": signature_of(body)})
        assert answer.status_code in {200, 400}

    deliver()
    assert store.get(onboarding.id).entity_id == ENTITY_ID
