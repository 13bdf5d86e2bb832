"""What only the mock has: ledger, outages, reset, control page."""

from datetime import timedelta

import httpx
import pytest

from e2e.mock_client import AUTHORIZED


def test_ledger_charges_a_validation_once(mock):
    entity = mock.entity("99990031")
    mock.validation(entity, metadata={"portal": {"onboarding": "o1"}})
    while mock.waiting:
        mock.run_next()
    once = {"created": 1, "completed": 1, "charged": 1}
    ledger = mock.client.get("/_mock/ledger").json
    del ledger["validations"]
    assert ledger == once | {"entities": {entity["id"]: once}, "onboardings": {"o1": once}}


@pytest.mark.parametrize(("outcome", "completed"), [("expire", 1), ("abandon", 1), ("review", 0)])
def test_ledger_charges_nothing_without_a_verdict(mock, outcome, completed):
    mock.choose(mock.validation(mock.entity()), outcome)
    ledger = mock.client.get("/_mock/ledger").json
    assert (ledger["created"], ledger["completed"], ledger["charged"]) == (1, completed, 0)


def test_outage_ends_by_itself(mock):
    assert mock.client.post("/_mock/outage", json={"seconds": 5}).status_code == 204
    answer = mock.get("/api/kyc/validations")
    assert answer.status_code == 503 and set(answer.json) == {"error", "message"}
    mock.time += timedelta(seconds=5)
    assert mock.get("/api/kyc/validations").status_code == 200


def test_outage_needs_a_number_of_seconds(mock):
    assert mock.client.post("/_mock/outage", json={"seconds": "long"}).status_code == 400


def test_reset_empties_the_mock(mock):
    entity = mock.entity()
    mock.validation(entity)
    mock.client.post("/_mock/reset")
    assert mock.get(f"/api/entities/{entity['id']}").status_code == 404
    assert mock.client.get("/_mock/ledger").json["created"] == 0


def test_control_page_lists_validations_newest_first(mock):
    assert "None yet" in mock.client.get("/").text
    entity = mock.entity()
    first, second = mock.validation(entity), mock.validation(entity)
    page = mock.client.get("/").text
    assert 0 < page.index(second["id"]) < page.index(first["id"])


def test_unknown_api_address_answers_in_json(mock):
    answer = mock.get("/api/nothing")
    assert (answer.status_code, answer.json["error"]) == (404, "NOT_FOUND")


def test_mock_answers_in_process_through_httpx(mock):
    transport = httpx.WSGITransport(app=mock.app)
    with httpx.Client(transport=transport, base_url="http://gu1", headers=AUTHORIZED) as client:
        assert client.get("/api/kyc/validations").json() == {"validations": []}
