"""The second half of the table: what a validation has come to, and how one gets to know.

Where a row is about something that the portal never reads, either form leaves the observation as it is.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from portal.config import Config
from portal.domain.reasons import Reason
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck, Observation
from portal.gu1.validation_reader import read_validation
from tests.gu1.clients import READS, WRITES, answered, sent_by
from tests.gu1.rows import ENTITY_ID, a_person, a_rejected_row, a_row, a_status, a_warning, renaper
from tests.gu1.webhooks import signed_and_parsed


def approved(**decision: Any) -> Observation:
    return read_validation(a_row(status="approved", decision={"status": "Approved"} | decision))


def test_21_statuses_of_short_and_long_lists() -> None:
    for word in ("in_review", "cancelled"):
        assert answered(a_row(status=word), READS["read_validation"]).status.value == word
    strange = answered(a_row(status="resubmitted"), READS["read_validation"]).status
    assert strange is Status.UNKNOWN
    assert not strange.is_final


def test_22_old_and_new_decision_change_nothing() -> None:
    old = {"document_details": {"type": "passport"}, "verification_results": {"liveness": "pass"}, "warnings": []}
    new = {"id_verification": {"document_type": "Passport", "document_number": "AB123456", "warnings": []}}
    for decision in (old, new):
        assert approved(**decision) == approved()


def test_23_features_in_either_case_change_nothing() -> None:
    assert approved(features=["ID_VERIFICATION", "LIVENESS"]) == approved(features=["id_verification"]) == approved()


def test_24_media_as_links_or_keys_change_nothing() -> None:
    for image in ("https://media.example.com/a.jpg?sig=1", "kyc/code/org/entity/validation/selfie.jpg"):
        assert approved(images={"selfie": image}, liveness={"reference_image": image}) == approved()


def test_25_warnings_as_strings_or_objects() -> None:
    code = "DOCUMENT_EXPIRED"
    for warning in (code, a_warning(code), {"code": code}):
        places = ({"warnings": [warning]}, {"metadata": {"warnings": [warning]}}, {"decision": {"warnings": [warning]}})
        for place in places:
            assert answered(a_rejected_row(**place), READS["read_validation"]).reason is Reason.DOCUMENT_EXPIRED


def test_26_registry_answers_in_review_or_after_approval() -> None:
    metadata = renaper(verified=True, matchResult="match")
    for status in ("in_review", "approved", "rejected"):
        row = a_row(status=status, metadata=metadata)
        assert answered(row, READS["read_validation"]).double_check is DoubleCheck.ANSWERED
        assert answered(row | {"metadata": renaper()}, READS["read_validation"]).double_check is DoubleCheck.UNANSWERED


def test_27_result_at_once_or_moments_later() -> None:
    for first in ("pending", "approved"):
        assert answered(a_row(status=first), WRITES["create_validation"], 201).status.value == first
        later = answered(a_row(status="approved", providerSessionUrl=None), READS["read_validation"])
        assert (later.status, later.session_url) == (Status.APPROVED, None)


def test_28_webhook_and_poll_tell_the_same() -> None:
    row = a_row(status="approved", updatedAt="2025-01-15T11:00:00Z")
    news = signed_and_parsed(json.dumps({"event": "kyc.validation_approved", "payload": row}).encode())
    assert news.observation == answered(row, READS["read_validation"])


def test_29_external_id_is_always_sent() -> None:
    assert json.loads(sent_by(WRITES["create_entity"]).content)["externalId"] == "ours"
    person = a_person()
    del person["externalId"]
    for body in (a_person(), person):
        assert answered(body, READS["find_entity"]) == ENTITY_ID


def test_30_status_of_an_entity_decides_nothing() -> None:
    for status in ("active", "under_review", "approved", "rejected", "blocked", "pending", None, 7):
        person = a_person(status=status)
        assert answered({"entity": person}, WRITES["create_entity"], 201) == ENTITY_ID
        assert answered(person, READS["find_entity"]) == ENTITY_ID
        assert answered([person], READS["find_entity_by_tax_id"]) == ENTITY_ID


def test_31_plain_http_is_refused_outside_loopback() -> None:
    settings: dict[str, Any] = {"gu1_api_key": "key", "gu1_webhook_secrets": ("secret",)}
    with pytest.raises(ValidationError, match="plain http is for loopback only"):
        Config(gu1_base_url="http://api.gu1.ai", **settings)
    for address in ("https://api.gu1.ai", "http://127.0.0.1:9000"):
        assert Config(gu1_base_url=address, **settings).gu1_base_url == address


def test_32_status_with_or_without_expiry() -> None:
    body = a_status()
    with_expiry = answered(body, READS["read_entity_status"])
    del body["expiresAt"]
    assert with_expiry.expires_at is not None
    assert answered(body, READS["read_entity_status"]) == replace(with_expiry, expires_at=None)


def test_33_screening_in_decision_but_not_in_features() -> None:
    screening = {"status": "Approved", "node_id": "feature_aml", "warnings": []}
    blocks = {"aml_screening": screening, "aml_screenings": [screening]}
    for features in (["LIVENESS"], ["LIVENESS", "AML"]):
        assert approved(features=features, **blocks) == approved(features=features) == approved()
