"""The table of what gu1's pages contradict each other in, row by row: one test each, with both claims.

Rows 21 and up are beside this file, in test_contradictions_of_results.py.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from portal.domain.errors import Refused
from portal.gu1.validation_reader import read_validation
from tests.gu1.clients import READS, WRITES, answered, sent_by
from tests.gu1.rows import ENTITY_ID, ID, a_person, a_row
from tests.gu1.webhooks import signed_and_parsed

_ROW = read_validation(a_row())


def refusal(body: Any) -> tuple[int, str | None, str | None]:
    with pytest.raises(Refused) as refused:
        answered(body, WRITES["create_entity"], 409)
    return refused.value.http_status, refused.value.code, refused.value.entity_id


def renamed(old: str, new: str) -> dict[str, Any]:
    row = a_row()
    return row | {new: row.pop(old)}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in a_row().items() if key != name}


def heard(event: str = "kyc.validation_approved", name: str = "payload", **payload: Any) -> tuple[str | None, Any]:
    word = "event" if name == "payload" else "type"
    news = signed_and_parsed(json.dumps({word: event, name: payload}).encode())
    return news.gu1_id, news.observation


def test_01_duplicates_are_made_or_refused() -> None:
    assert answered({"entity": {"id": "second"}}, WRITES["create_entity"], 201) == "second"
    assert refusal({"error": "DUPLICATE_TAX_ID", "details": {"existingEntityId": "first"}})[2] == "first"
    two = [a_person(id="second", createdAt="2025-02-01T00:00:00Z"), a_person(id="first")]
    assert answered({"entities": two}, READS["find_entity"]) == "first"
    assert answered({"entities": two}, READS["find_entity_by_tax_id"]) == "first"


def test_02_created_entity_in_entity_or_data() -> None:
    for body in ({"success": True, "entity": {"id": "e1"}}, {"success": True, "data": {"id": "e1"}}, {"id": "e1"}):
        assert answered(body, WRITES["create_entity"], 201) == "e1"


def test_03_listed_entities_in_entities_or_data() -> None:
    for body in ({"entities": [a_person()]}, {"data": [a_person()]}, [a_person()]):
        assert answered(body, READS["find_entity_by_tax_id"]) == ENTITY_ID
        assert answered(body, READS["find_entity"]) == ENTITY_ID


def test_04_entities_with_or_without_api_prefix() -> None:
    for path in ("/api/entities", "/entities"):
        assert sent_by(WRITES["create_entity"], entities_path=path).url.path == path
        assert sent_by(READS["find_entity"], a_person(), entities_path=path).url.path == f"{path}/by-external-id/ours"


def test_05_refusal_nested_or_flat() -> None:
    details = {"existingEntityId": "e1"}
    nested = {"error": {"code": "DUPLICATE_TAX_ID", "message": "…", "details": details}}
    flat = {"error": "DUPLICATE_TAX_ID", "message": "…", "details": details}
    assert refusal(nested) == refusal(flat) == (409, "DUPLICATE_TAX_ID", "e1")


def test_06_session_by_either_name() -> None:
    older = renamed("validationSessionId", "sessionId")
    for row in (a_row(), older):
        assert answered(row, READS["read_validation"]).session_id == "session_xyz789"


def test_07_hosted_page_by_its_own_name_only() -> None:
    assert answered(a_row(), READS["read_validation"]).session_url == "https://verify.example.com/session_xyz789"
    for sample in ("validation_url", "verificationUrl"):
        assert answered(renamed("providerSessionUrl", sample), READS["read_validation"]).session_url is None


def test_08_life_of_the_link_stated_or_not() -> None:
    stated = answered(a_row(expiresAt="2025-02-14T10:30:00Z"), READS["read_validation"])
    assert stated.expires_at == datetime(2025, 2, 14, 10, 30, tzinfo=UTC)
    assert answered(a_row(expiresAt=None), READS["read_validation"]).expires_at is None


def test_09_expiry_missing_or_null() -> None:
    for row in (without("expiresAt"), a_row(expiresAt=None)):
        assert answered(row, WRITES["create_validation"], 201) == _ROW


def test_10_bearer_and_never_x_api_key() -> None:
    for use in (READS["read_validation"], WRITES["create_validation"]):
        headers = sent_by(use).headers
        assert headers["Authorization"] == "Bearer gk_secret"
        assert "X-API-Key" not in headers


def test_11_key_of_any_prefix_goes_out_as_it_is() -> None:
    for key in ("gk_prod_1", "gk_sandbox_1", "sk_live_1", "gsk_live_1", "nothing known"):
        headers = sent_by(READS["read_validation"], api_key=key).headers
        assert headers["Authorization"] == f"Bearer {key}"


def test_12_organization_is_sent_only_where_configured() -> None:
    for use in (READS["read_validation"], WRITES["create_validation"]):
        assert sent_by(use, organization_id="org-1").headers["X-Organization-ID"] == "org-1"
        assert "X-Organization-ID" not in sent_by(use).headers


def test_13_webhook_with_data_or_payload() -> None:
    for name in ("data", "payload"):
        assert heard(name=name, validationId=ID, status="approved") == (ID, None)


def test_14_webhook_with_validation_id_or_id() -> None:
    for name in ("validationId", "id"):
        assert heard(**{name: ID}) == (ID, None)


def test_15_webhook_with_or_without_entity() -> None:
    person = {"id": "somebody", "externalId": "ours", "type": "person"}
    assert heard(**a_row(entity=person)) == heard(**a_row()) == (ID, _ROW)


def test_16_all_events_and_unknown_ones_are_taken() -> None:
    states = ("created", "in_progress", "in_review", "approved", "rejected", "abandoned", "expired", "cancelled")
    for state in (*states, "resubmitted"):
        assert heard(f"kyc.validation_{state}", validationId=ID) == (ID, None)
    for event in ("entity.updated", "biometric.session_approved", "transaction.created"):
        assert heard(event, id=ID) == (None, None)


def test_17_webhook_url_is_never_sent() -> None:
    echoing, silent = a_row(webhookUrl="https://portal.test/webhooks/gu1"), a_row()
    for body in (echoing, silent):
        assert answered(body, WRITES["create_validation"], 201) == _ROW
    assert "webhookUrl" not in json.loads(sent_by(WRITES["create_validation"]).content)


def test_18_metadata_echoed_or_dropped_and_no_workflow() -> None:
    echoed = answered(a_row(metadata={"portal": {"nonce": "n"}}), WRITES["create_validation"], 201)
    assert (echoed.gu1_id, echoed.nonce) == (ID, "n")
    silent = answered(without("metadata"), WRITES["create_validation"], 201)
    assert silent == replace(_ROW, omits_double_check=False)
    assert "workflowId" not in json.loads(sent_by(WRITES["create_validation"]).content)


def test_19_current_flag_is_never_read() -> None:
    for row in (a_row(isCurrent=True), a_row(isCurrent=False), a_row(isCurrent="true"), without("isCurrent")):
        assert answered(row, READS["read_validation"]) == _ROW


def test_20_cancelling_a_review_works_or_is_too_late() -> None:
    assert answered(a_row(status="cancelled"), WRITES["cancel_validation"]) is None
    with pytest.raises(Refused) as refused:
        answered({"error": "INVALID_STATUS", "message": "…"}, WRITES["cancel_validation"], 400)
    assert refused.value.http_status == 400
