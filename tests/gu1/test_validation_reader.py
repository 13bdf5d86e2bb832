from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portal.domain.errors import Malformed
from portal.domain.name_match import name_of
from portal.domain.reasons import Reason
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck
from portal.gu1 import validation_reader as schema
from tests.gu1.rows import ENTITY_ID, ID, a_rejected_row, a_row, a_warning, renaper

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_reads_whole_row() -> None:
    seen = schema.read_validation(a_row(metadata={"portal": {"nonce": "abc-1", "onboarding": "o-1"}}))
    assert (seen.gu1_id, seen.entity_id, seen.status) == (ID, ENTITY_ID, Status.PENDING)
    assert (seen.session_id, seen.nonce, seen.onboarding_id) == ("session_xyz789", "abc-1", "o-1")
    assert seen.session_url == "https://verify.example.com/session_xyz789"
    assert seen.created_at == datetime(2025, 1, 15, 10, 30, tzinfo=UTC)


def test_reads_row_of_nothing_but_id_and_status() -> None:
    seen = schema.read_validation({"id": 42, "status": "abandoned"})
    assert (seen.gu1_id, seen.status, seen.entity_id) == ("42", Status.ABANDONED, None)
    assert (seen.session_url, seen.double_check, seen.reason, seen.updated_at) == (None, None, None, None)


@pytest.mark.parametrize("gu1_id", [None, "", True, 1.5, -1, 10**4000, [], {}, "a/b", "..", "a b", "é", "x" * 129])
def test_unusable_id_is_malformed(gu1_id: object) -> None:
    with pytest.raises(Malformed):
        schema.read_validation(a_row(id=gu1_id))


@pytest.mark.parametrize("status", [None, "", 1, True, [], {}, "\ud800"])
def test_unusable_status_is_malformed(status: object) -> None:
    with pytest.raises(Malformed):
        schema.read_validation(a_row(status=status))


@pytest.mark.parametrize("word", ["frozen", "Approved", "unknown", "kyc_expired"])
def test_word_not_on_the_list_is_unknown(word: str) -> None:
    assert schema.read_validation(a_row(status=word)).status is Status.UNKNOWN


def test_older_name_of_session_is_read() -> None:
    row = a_row(sessionId="older")
    del row["validationSessionId"]
    assert schema.read_validation(row).session_id == "older"


@pytest.mark.parametrize(("session", "read"), [(7, "7"), ("s7", "s7"), (True, None), ("a/b", None), (7.5, None)])
def test_session_may_be_a_number(session: object, read: str | None) -> None:
    assert schema.read_validation(a_row(validationSessionId=session)).session_id == read


def test_entity_may_be_named_within_the_row() -> None:
    row = a_row(entity={"id": "e7"})
    del row["entityId"]
    assert schema.read_validation(row).entity_id == "e7"


@pytest.mark.parametrize("envelope", ["validation", "data", None])
def test_validation_comes_in_three_envelopes(envelope: str | None) -> None:
    body = {envelope: a_row()} if envelope else a_row()
    assert schema.read_answer(body) == schema.read_validation(a_row())


@pytest.mark.parametrize("body", [None, {}, {"success": True}, {"validation": None}, {"id": ID}, {"data": {"id": ID}}])
def test_sync_may_say_that_it_was_done_only(body: object) -> None:
    assert schema.read_synced(body) is None


@pytest.mark.parametrize("body", [[], "done", 1, True])
def test_sync_that_is_no_object_is_malformed(body: object) -> None:
    with pytest.raises(Malformed):
        schema.read_synced(body)


@pytest.mark.parametrize("url", [None, "", 1, ["https://x"], "https://x/\x00", "https://x/\ud800", "h" * 5000])
def test_unusable_session_url_is_none(url: object) -> None:
    assert schema.read_validation(a_row(providerSessionUrl=url)).session_url is None


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        ("2026-03-02T12:00:00Z", NOW),
        ("2026-03-02T12:00:00.000Z", NOW),
        ("2026-03-02T09:00:00-03:00", NOW),
        ("2026-03-02T12:00:00", NOW),
        ("2026-03-02T12:00:00.123456789Z", NOW.replace(microsecond=123456)),
        ("yesterday", None),
        ("", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("9999-12-31T00:00:00Z", None),
        (1767225600, None),
        ({}, None),
    ],
)
def test_times_are_utc_or_none(stated: object, read: datetime | None) -> None:
    assert schema.read_validation(a_row(updatedAt=stated)).updated_at == read


@pytest.mark.parametrize(
    ("metadata", "double_check"),
    [
        (None, None),
        ({}, None),
        (renaper(asked=None), None),
        (renaper(asked=False), DoubleCheck.NOT_ASKED),
        (renaper(), DoubleCheck.UNANSWERED),
        (renaper(matchResult=None, errorCode="", verified=None), DoubleCheck.UNANSWERED),
        (renaper(verified=True), DoubleCheck.ANSWERED),
        (renaper(verified=False), DoubleCheck.ANSWERED),
        (renaper(matchResult="match"), DoubleCheck.ANSWERED),
        (renaper(asked=None, errorCode="RENAPER_DNI_MISSING"), DoubleCheck.ANSWERED),
        ({"doubleChecks": {"renaper": "yes"}, "responseDoubleChecks": []}, None),
        (renaper(asked="true"), DoubleCheck.UNANSWERED),
        (renaper(asked="false"), DoubleCheck.NOT_ASKED),
        (renaper(verified="False"), DoubleCheck.ANSWERED),
    ],
)
def test_double_check_is_what_metadata_say(metadata: object, double_check: DoubleCheck | None) -> None:
    assert schema.read_validation(a_row(metadata=metadata)).double_check is double_check


@pytest.mark.parametrize(
    ("metadata", "omits"),
    [
        (None, False),
        ([], False),
        ({}, True),
        ({"portal": {"nonce": "n"}}, True),
        (renaper(asked=None), True),
        ({"doubleChecks": None}, True),
        (renaper(), False),
        (renaper(asked=False), False),
        (renaper(asked=None, verified=True), False),
        ({"doubleChecks": {"renaper": "yes"}}, False),
        ({"doubleChecks": "renaper"}, False),
    ],
)
def test_double_check_is_omitted_if_metadata_are_shown_without_it(metadata: object, omits: bool) -> None:
    assert schema.read_validation(a_row(metadata=metadata)).omits_double_check is omits


def test_row_without_metadata_says_nothing_of_the_double_check() -> None:
    row = a_row()
    del row["metadata"]
    assert not schema.read_validation(row).omits_double_check


def test_rejected_row_has_a_reason() -> None:
    row = a_rejected_row(metadata=renaper(verified=False, errorCode="RENAPER_TRAMITE_ID_NOT_MATCH"))
    assert schema.read_validation(row).reason is Reason.REGISTRY_CARD_OUTDATED


@pytest.mark.parametrize("status", ["approved", "in_review", "pending", "frozen"])
def test_warnings_give_no_reason_without_rejection(status: str) -> None:
    row = a_row(status=status, warnings=["DOCUMENT_EXPIRED"], decision={"liveness": {"warnings": [a_warning("X")]}})
    assert schema.read_validation(row).reason is None


@pytest.mark.parametrize("kind", ["DNI", "Identity Card", "ID", None, 7])
def test_number_of_identity_card_is_read_plainly(kind: object) -> None:
    row = a_row(extractedData={"documentType": kind, "documentNumber": " 30.111.222-k"})
    assert schema.read_validation(row).document_number == "30111222K"


@pytest.mark.parametrize(
    "kind",
    ["Passport", "PASAPORTE", "passaporte", "P", "Driver's License", "Licencia de conducir", "DL", "Residence Permit"],
)
def test_number_of_another_document_is_not_read(kind: str) -> None:
    extracted = a_row(extractedData={"documentType": kind, "documentNumber": "30111222"})
    decided = a_row(decision={"id_verification": {"document_type": kind, "document_number": "30111222"}})
    assert schema.read_validation(extracted).document_number is None
    assert schema.read_validation(decided).document_number is None


@pytest.mark.parametrize("number", [30111222, "30.111.222"])
def test_number_is_taken_from_decision_where_not_extracted(number: object) -> None:
    row = a_row(extractedData={"documentNumber": None}, decision={"id_verification": {"document_number": number}})
    assert schema.read_validation(row).document_number == "30111222"


@pytest.mark.parametrize("envelope", ["validations", "data", None])
def test_lists_come_in_three_envelopes(envelope: str | None) -> None:
    rows = [a_row(id="v1"), {"id": "v2"}, "junk", None, a_row(id="v3")]
    body = {envelope: rows} if envelope else rows
    assert [seen.gu1_id for seen in schema.read_validations(body)] == ["v1", "v3"]


@pytest.mark.parametrize("body", [None, {}, "x", 1, {"validations": {}}, {"data": None}])
def test_list_without_list_is_malformed(body: object) -> None:
    with pytest.raises(Malformed):
        schema.read_validations(body)


@pytest.mark.parametrize(
    ("body", "total"),
    [
        ({"total": 7}, 7),
        ({"pagination": {"total": 8}}, 8),
        ({"total": "7"}, 7),
        ({"total": "9" * 5000}, None),
        ({"total": "٧", "pagination": {"total": "8"}}, 8),
        ({"total": True}, None),
        ({"total": -1}, None),
        ([], None),
    ],
)
def test_total_is_a_count_or_none(body: object, total: int | None) -> None:
    assert schema.read_total(body) == total


@pytest.mark.parametrize(
    ("body", "has_more"),
    [
        ({"pagination": {"hasMore": True}}, True),
        ({"hasMore": "false"}, False),
        ({"hasMore": 1}, None),
        ([], None),
    ],
)
def test_further_pages_are_announced_or_not(body: object, has_more: bool | None) -> None:
    assert schema.read_has_more(body) is has_more


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"error": "KYC_NOT_CONFIGURED", "message": "…"}, ("KYC_NOT_CONFIGURED", None)),
        (
            {"error": {"code": "DUPLICATE_TAX_ID", "details": {"existingEntityId": "e1"}}},
            ("DUPLICATE_TAX_ID", "e1"),
        ),
        ({"error": "DUPLICATE_TAX_ID", "details": {"existingEntityId": "e1"}}, ("DUPLICATE_TAX_ID", "e1")),
        ({"code": "DUPLICATE_TAX_ID", "existingEntityId": 7}, ("DUPLICATE_TAX_ID", "7")),
        ({"error": True, "details": {"existingEntityId": "../x"}}, (None, None)),
        ([], (None, None)),
        ({"error": "Ana Núñez has 30.111.222"}, (None, None)),
        ({"error": "A30111222", "code": "E_400"}, ("E_400", None)),
    ],
)
def test_refusal_has_code_and_existing_entity(body: object, refusal: tuple[str | None, str | None]) -> None:
    assert schema.read_refusal(body) == refusal


@pytest.mark.parametrize(
    ("metadata", "was_sent"),
    [(None, False), ({}, False), ({"doubleChecks": {"renaper": True}}, False), ({"customer": 7}, True)],
)
def test_what_gu1_adds_itself_is_not_taken_for_metadata_that_was_sent(metadata: object, was_sent: bool) -> None:
    assert schema.read_validation(a_row(metadata=metadata)).has_metadata is was_sent


@pytest.mark.parametrize(
    ("status", "word", "expected"),
    [
        ("approved", "In Review", True),
        ("approved", "IN_REVIEW", True),
        ("approved", "Declined", True),
        ("approved", "Approved", False),
        ("rejected", "In Review", True),
        ("rejected", "Approved", True),
        ("rejected", "Declined", False),
        ("rejected", "Kyc Expired", False),
        ("rejected", None, False),
        ("in_review", "In Review", False),
        ("expired", "Approved", False),
    ],
)
def test_word_of_the_provider_that_does_not_fit_shows_a_person(status: str, word: str | None, expected: bool) -> None:
    assert schema.read_validation(a_row(status=status, decision={"status": word})).by_person is expected


@pytest.mark.parametrize("decision", [None, [], "Approved", {"status": 1}, {"status": {}}])
def test_decision_that_cannot_be_read_shows_nobody(decision: object) -> None:
    assert not schema.read_validation(a_row(status="rejected", decision=decision)).by_person


def test_registrys_code_explains_a_rejection_that_the_provider_approved() -> None:
    explained = renaper(errorCode="RENAPER_TRAMITE_ID_NOT_MATCH")
    row = a_row(status="rejected", decision={"status": "Approved"}, metadata=explained)
    assert not schema.read_validation(row).by_person


@pytest.mark.parametrize("metadata", [None, [], "", 1])
def test_row_without_readable_metadata_does_not_say_who_rejected(metadata: object) -> None:
    # RENAPER's word would be in them.
    row = a_row(status="rejected", decision={"status": "Approved"}, metadata=metadata)
    assert not schema.read_validation(row).by_person


NAME = name_of("Ana", "Núñez")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"extractedData": {"firstName": "Ana", "lastName": "Núñez", "documentType": "Passport"}}, NAME),
        ({"decision": {"id_verification": {"first_name": "Ana", "last_name": "Núñez"}}}, NAME),
        ({"decision": {"id_verification": {"full_name": "Ana Núñez"}}}, name_of("Ana Núñez", None)),
        ({"decision": {"extracted_information": {"firstName": "Ana", "lastName": "Núñez"}}}, NAME),
        (
            {
                "extractedData": {"firstName": None, "lastName": None},
                "decision": {"id_verification": {"full_name": "A"}},
            },
            name_of("A", None),
        ),
        ({"extractedData": {"firstName": ["Ana"], "lastName": 7}}, None),
        ({"extractedData": None, "decision": None}, None),
    ],
)
def test_name_is_read_from_the_first_place_that_has_one(facts: dict[str, object], expected: object) -> None:
    seen = schema.read_validation(a_row(**facts))
    assert seen.name == expected
    assert "ana" not in repr(seen).lower()
