"""The hourly limit, sessions that expire, and a clock that can be advanced."""

from datetime import timedelta

import pytest

from e2e.mock_client import MockClient

DAY = 24 * 3600
YEAR = 365 * DAY


def statuses(mock, count):
    return [mock.get("/api/kyc/validations").status_code for _ in range(count)]


def test_hour_has_as_many_requests_as_the_limit_says():
    mock = MockClient(hourly_limit=2)
    assert statuses(mock, 3) == [200, 200, 429]
    mock.time += timedelta(hours=1)
    assert statuses(mock, 3) == [200, 200, 429]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("seconds", "3600"),
        ("date", "Sun, 01 Mar 2026 13:00:00 GMT"),
        ("missing", None),
        ("absurd", "-99999999999999999999"),
    ],
)
def test_limit_says_when_to_come_back_in_each_form(word, told):
    mock = MockClient(hourly_limit=1, retry_after=word)
    statuses(mock, 1)
    answer = mock.get("/api/kyc/validations")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, told)


def test_switches_of_the_mock_do_not_count():
    mock = MockClient(hourly_limit=1)
    assert [mock.client.get("/_mock/world").status_code for _ in range(3)] == [200, 200, 200]
    assert statuses(mock, 1) == [200]


def test_session_that_ran_out_expires_on_the_next_touch(mock):
    validation = mock.validation(mock.entity())
    mock.time += timedelta(days=7)
    assert mock.read(validation)["status"] == "expired"
    assert mock.events()[-1]["event"] == "kyc.validation_expired"


@pytest.mark.parametrize(("word", "days"), [("7_days", 7), ("30_days", 30)])
def test_clock_put_forward_expires_sessions_by_webhook(word, days):
    mock = MockClient(link_life=word)
    mock.validation(mock.entity())
    mock.told("clock", advance_seconds=days * DAY - 1)
    assert len(mock.events()) == 1
    mock.told("clock", advance_seconds=1)
    assert mock.events()[-1]["event"] == "kyc.validation_expired"


def test_clock_put_forward_runs_what_is_due_once(mock):
    validation = mock.validation(mock.entity("99990031"))
    mock.told("clock", advance_seconds=2)
    assert mock.read(validation)["status"] == "approved"
    mock.told("clock", advance_seconds=5)
    while mock.waiting:
        mock.run_next()
    assert [event["event"].rsplit("_", 1)[1] for event in mock.events()] == ["created", "approved", "rejected"]


def test_approved_person_needs_reverification_after_a_year(mock):
    entity = mock.entity()
    mock.choose(mock.validation(entity), "approve")
    path = f"/api/kyc/entities/{entity['id']}/status"
    mock.told("clock", advance_seconds=YEAR - 1)
    assert mock.get(path).json["needsReverification"] is False
    mock.told("clock", advance_seconds=1)
    assert mock.get(path).json["needsReverification"] is True


def test_link_of_an_abandoned_session_works_until_it_runs_out(mock):
    validation = mock.validation(mock.entity())
    mock.choose(validation, "abandon")
    mock.told("clock", advance_seconds=8 * DAY)
    assert "This session is over" in mock.client.get(validation["providerSessionUrl"]).text
    assert mock.read(validation)["status"] == "abandoned"


def test_clock_goes_forward_only(mock):
    assert mock.told("clock").status_code == 400
    for seconds in (-1, "soon", True, 1e300):
        assert mock.told("clock", advance_seconds=seconds).status_code == 400, seconds
