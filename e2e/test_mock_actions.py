"""What an organization does: approve, reject, sync, cancel, and change entities."""

import pytest

from e2e.mock_client import MockClient

REASON = {"reason": "seen by a person"}


def in_review(mock, **more):
    validation = mock.validation(mock.entity(), **more)
    mock.choose(validation, "review")
    return validation


def act(mock, validation, what, **body):
    return mock.post(f"/api/kyc/validations/{validation['id']}/{what}", **body)


def error_of(answer):
    return answer.status_code, answer.json["error"]


def test_review_ends_in_approval_with_the_registrys_first_answer(mock):
    validation = in_review(mock)
    before = mock.read(validation)["metadata"]["responseDoubleChecks"]
    mock.told("clock", advance_seconds=60)
    row = act(mock, validation, "approve", **REASON).json
    assert (row["status"], row["isCurrent"]) == ("approved", True)
    assert row["metadata"]["responseDoubleChecks"] == before


def test_review_ends_in_rejection_that_is_not_current(mock):
    row = act(mock, in_review(mock), "reject", **REASON).json
    assert (row["status"], row["isCurrent"], row["decision"]["status"]) == ("rejected", False, "Declined")


@pytest.mark.parametrize("what", ["approve", "reject"])
def test_what_is_not_in_review_cannot_be_decided(mock, what):
    answers = {}
    entity = mock.entity()
    for outcome in ("approve", "DOCUMENT_EXPIRED", "expire", "abandon"):
        validation = mock.validation(entity)
        mock.choose(validation, outcome)
        answers[outcome] = error_of(act(mock, validation, what, **REASON))
    assert answers == dict.fromkeys(answers, (400, "INVALID_STATUS"))


def test_decision_needs_a_reason(mock):
    validation = in_review(mock)
    for body in ({}, {"reason": "why"}, {"reason": 12345}):
        assert error_of(act(mock, validation, "approve", **body)) == (400, "INVALID_REASON"), body


def test_cancelling_in_review_depends_on_the_variant(mock):
    mock.told("world", cancel_in_review="refused")
    validation = in_review(mock)
    assert mock.cancel(validation).status_code == 400
    mock.told("world", cancel_in_review="allowed")
    assert mock.cancel(validation).json["status"] == "cancelled"


def test_cancelling_what_was_abandoned_depends_on_the_variant(mock):
    validation = mock.validation(mock.entity())
    mock.choose(validation, "abandon")
    assert mock.cancel(validation).status_code == 400
    mock.told("world", cancel_abandoned="allowed")
    assert mock.cancel(validation).json["status"] == "cancelled"


def test_missed_news_of_the_provider_comes_by_sync():
    mock = MockClient(provider_events="on_sync")
    validation = mock.validation(mock.entity())
    mock.choose(validation, "approve")
    assert mock.read(validation)["status"] == "pending"
    assert act(mock, validation, "sync", force=True).json["status"] == "approved"


def test_missed_news_comes_with_a_read_after_hours():
    mock = MockClient(provider_events="on_sync")
    validation = mock.validation(mock.entity())
    mock.choose(validation, "DOCUMENT_EXPIRED")
    mock.told("clock", advance_seconds=4 * 3600)
    assert mock.read(validation)["status"] == "rejected"


def test_read_may_never_sync():
    mock = MockClient(provider_events="on_sync", read_syncs="never")
    validation = mock.validation(mock.entity())
    mock.choose(validation, "DOCUMENT_EXPIRED")
    mock.told("clock", advance_seconds=4 * 3600)
    assert mock.read(validation)["status"] == "pending"


def test_sync_keeps_what_a_person_decided(mock):
    validation = in_review(mock)
    act(mock, validation, "reject", **REASON)
    assert act(mock, validation, "sync").json["status"] == "rejected"


def test_tolerated_warning_does_not_reject(mock):
    validation = mock.validation(mock.entity(), omitWarnings=["DOCUMENT_EXPIRED"])
    mock.choose(validation, "DOCUMENT_EXPIRED")
    row = mock.read(validation)
    assert (row["status"], row["warnings"]) == ("approved", ["DOCUMENT_EXPIRED"])


def test_media_are_bytes_behind_their_keys(mock):
    row = mock.settled("99990001")
    path = f"/api/kyc/validations/{row['id']}/media"
    image = mock.get(path, key=row["decision"]["images"]["selfie"])
    assert (image.mimetype, image.data[:3], image.data[-2:]) == ("image/jpeg", b"\xff\xd8\xff", b"\xff\xd9")
    assert mock.get(path, key=row["decision"]["liveness"]["video_url"]).mimetype == "video/webm"


def test_media_are_refused_for_any_other_key(mock):
    path = f"/api/kyc/validations/{mock.settled('99990001')['id']}/media"
    for key in ("", "https://example.com/x.jpg", "kyc/of/somebody/else.jpg"):
        assert mock.get(path, key=key).status_code == 400, key


def test_statistics_count_by_status(mock):
    mock.settled("99990001")
    mock.validation(mock.entity())
    assert mock.get("/api/kyc/stats").json == {"total": 2, "byStatus": {"approved": 1, "pending": 1}}


def test_entity_is_merged_with_what_is_new(mock):
    entity = mock.entity(entityData={"person": {"firstName": "Ana", "income": 1}}, attributes={"a": 1})
    body = {"entityData": {"person": {"income": 2}}, "attributes": {"b": 2}, "status": "active"}
    answer = mock.call("PATCH", f"/entities/{entity['id']}", **body).json
    assert set(answer) == {"entity", "evaluation", "previousEntity"}
    assert answer["entity"]["entityData"] == {"person": {"firstName": "Ana", "income": 2}}
    assert (answer["entity"]["attributes"], answer["previousEntity"]["attributes"]) == ({"a": 1, "b": 2}, {"a": 1})


def test_entity_change_that_cannot_be_is_refused(mock):
    path = f"/entities/{mock.entity()['id']}"
    for body in ({"status": "blocked"}, {"status": "dancing"}, {"externalId": "another"}):
        assert mock.call("PATCH", path, **body).status_code == 400, body


def test_external_id_is_changed_with_a_reason(mock):
    entity = mock.entity(externalId="old")
    path, body = "/entities/change-external-id", {"entityId": entity["id"], "newExternalId": "new"}
    assert mock.post(path, **body).status_code == 400
    assert mock.post(path, **body, **REASON).json["entity"]["externalId"] == "new"
    assert [mock.get(f"/entities/by-external-id/{it}").status_code for it in ("old", "new")] == [404, 200]


def test_automatic_entity_is_made_from_a_bare_number(mock):
    body = {"type": "person", "country": "AR"}
    assert mock.post("/entities/automatic", taxId="20123456", **body).json["data"]["taxId"] == "20.123.456"
    assert mock.post("/entities/automatic", taxId="20.123.457", **body).status_code == 400


def test_validations_are_paged_when_asked(mock):
    for _ in range(3):
        mock.validation(mock.entity(str(20123450 + _)))
    rows = mock.get("/api/kyc/validations", limit=2, page=2).json["validations"]
    assert len(rows) == 1


def test_decision_by_hand_may_be_left_as_it_was_in_review(mock):
    mock.told("world", manual_decision="left")
    row = act(mock, in_review(mock), "reject", **REASON).json
    assert (row["status"], row["decision"]["status"]) == ("rejected", "In Review")


def test_deleted_entity_is_gone(mock):
    entity_id = mock.validation(mock.entity())["entityId"]
    mock.told(f"entities/{entity_id}/delete")
    assert mock.get(f"/api/entities/{entity_id}").status_code == 404
