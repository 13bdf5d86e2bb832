"""The hosted page."""

import re

import pytest

from e2e.mock_client import MockClient
from e2e.mock_gu1.outcomes import REGISTRY_CODES


def test_opening_the_hosted_page_begins_the_session(mock):
    validation = mock.validation(mock.entity())
    page = mock.client.get(validation["providerSessionUrl"])
    assert page.status_code == 200 and "Mock." in page.text
    assert mock.read(validation)["status"] == "in_progress"
    mock.client.get(validation["providerSessionUrl"])
    assert [event["event"] for event in mock.events()] == ["kyc.validation_created", "kyc.validation_in_progress"]


def test_hosted_page_offers_every_outcome_once(mock):
    page = mock.client.get(mock.validation(mock.entity())["providerSessionUrl"]).text
    labels = re.findall(r"<button[^>]*>([^<]+)</button>", page)
    assert labels[0] == "Approve" and len(labels) == len(set(labels)) == 18
    assert {f"Reject: {code}" for code in REGISTRY_CODES} < set(labels)


def test_planned_outcome_is_the_first_button(mock):
    page = mock.client.get(mock.validation(mock.entity("30000016"))["providerSessionUrl"]).text
    labels = re.findall(r"<button[^>]*>([^<]+)</button>", page)
    assert labels[0] == "Continue as planned: Reject: RENAPER_TRAMITE_ID_NOT_MATCH"
    assert len(labels) == 18


@pytest.mark.parametrize(
    ("outcome", "word"), [("approve", "Approved"), ("DOCUMENT_EXPIRED", "Declined"), ("review", "In+Review")]
)
def test_person_is_sent_back_with_the_providers_word(outcome, word):
    mock = MockClient(return_url="http://portal/return")
    validation = mock.validation(mock.entity())
    answer = mock.choose(validation, outcome)
    expected = f"http://portal/return?verificationSessionId={validation['sessionId']}&status={word}"
    assert (answer.status_code, answer.location) == (303, expected)


@pytest.mark.parametrize(("outcome", "status"), [("abandon", "abandoned"), ("expire", "expired")])
def test_person_who_leaves_is_not_sent_back(outcome, status):
    mock = MockClient(return_url="http://portal/return")
    validation = mock.validation(mock.entity())
    assert mock.choose(validation, outcome).status_code == 200
    assert mock.read(validation)["status"] == status


def test_page_can_be_closed_without_a_return_url(mock):
    answer = mock.choose(mock.validation(mock.entity()), "approve")
    assert answer.status_code == 200
    assert "You can close this page" in answer.text


def test_finished_session_is_over(mock):
    entity = mock.entity()
    for outcome in ("approve", "DOCUMENT_EXPIRED", "review", "expire"):
        validation = mock.validation(entity)
        mock.choose(validation, outcome)
        before = mock.read(validation)
        pages = [mock.client.get(validation["providerSessionUrl"]), mock.choose(validation, "approve")]
        assert all("This session is over" in page.text for page in pages), outcome
        assert mock.read(validation) == before


def test_cancelled_session_is_over(mock):
    validation = mock.validation(mock.entity())
    mock.cancel(validation)
    assert "This session is over" in mock.client.get(validation["providerSessionUrl"]).text


def test_abandoned_session_can_be_gone_on_with(mock):
    validation = mock.validation(mock.entity())
    mock.choose(validation, "abandon")
    mock.client.get(validation["providerSessionUrl"])
    assert mock.read(validation)["status"] == "in_progress"


def test_unknown_session_and_outcome_are_refused(mock):
    validation = mock.validation(mock.entity())
    assert mock.client.get("/session/nothing").status_code == 404
    assert mock.choose({"sessionId": "nothing"}, "approve").status_code == 404
    assert mock.choose(validation, "nonsense").status_code == 400


def test_hosted_page_opens_a_camera_where_it_is_told_to():
    mock = MockClient(asks_camera=True)
    page = mock.client.get(mock.validation(mock.entity())["providerSessionUrl"]).text
    assert "Open the camera" in page and "<script" in page
    with mock.client.get("/static/camera.js") as script:
        assert script.status_code == 200


def test_stylesheet_is_served_and_pages_hold_none(mock):
    page = mock.client.get(mock.validation(mock.entity())["providerSessionUrl"]).text
    with mock.client.get("/static/mock.css") as stylesheet:
        assert stylesheet.status_code == 200
    assert "<style" not in page and "<script" not in page and "style=" not in page
