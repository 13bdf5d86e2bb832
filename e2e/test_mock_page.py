"""The control page and the ledger's accounts."""

import re

from e2e.mock_gu1.api_variants import SWITCHES
from e2e.mock_gu1.outcomes import FOR_OPERATORS


def page(mock):
    return mock.client.get("/").text


def send(mock, path, **fields):
    """Posts like a form of the page."""
    form = "application/x-www-form-urlencoded"
    return mock.client.post(f"/_mock/{path}", data=fields, content_type=form)


def account(mock):
    return mock.client.get("/_mock/ledger").json["validations"][0]


def test_validation_has_a_button_per_outcome(mock):
    mock.validation(mock.entity())
    values = re.findall(r'name="outcome"\s+value="([^"]+)"', page(mock))
    assert values == [outcome.key for group in FOR_OPERATORS.values() for outcome in group]


def test_button_decides_and_leads_back(mock):
    validation = mock.validation(mock.entity())
    answer = send(mock, f"validations/{validation['id']}/outcome", outcome="DOCUMENT_EXPIRED", back="v-1")
    assert (answer.status_code, answer.location) == (303, "/#v-1")
    assert mock.read(validation)["status"] == "rejected"


def test_verdict_can_be_changed_as_a_reviewer_could(mock):
    validation = mock.validation(mock.entity())
    for outcome, status in (("approve", "approved"), ("reject", "rejected"), ("freeze", "frozen")):
        body = mock.told(f"validations/{validation['id']}/outcome", outcome=outcome).json
        assert (body["status"], mock.read(validation)["status"]) == (status, status)


def test_unknown_validation_or_outcome_is_refused(mock):
    validation = mock.validation(mock.entity())
    assert mock.told(f"validations/{validation['id']}/outcome", outcome="nonsense").status_code == 400
    for path in ("outcome", "sync", "replay"):
        assert mock.told(f"validations/nobody/{path}", outcome="approve").status_code == 404


def test_webhook_and_sync_have_buttons(mock):
    validation = mock.validation(mock.entity())
    mock.events()
    assert send(mock, f"validations/{validation['id']}/replay").status_code == 303
    assert send(mock, f"validations/{validation['id']}/sync").status_code == 303
    assert len(mock.events()) == 2


def test_every_switch_has_a_field_and_shows_its_value(mock):
    mock.told("world", renaper="two_steps")
    html = page(mock)
    assert all(f'id="world-{switch.name}"' in html for switch in SWITCHES)
    assert "<option selected>two_steps</option>" in html


def test_form_changes_the_variant(mock):
    values = {name: switch["value"] for name, switch in mock.client.get("/_mock/world").json.items()}
    answer = send(mock, "world", back="world", **values | {"duplicates": "allow", "hourly_limit": "100"})
    assert answer.location == "/#world"
    assert mock.client.get("/_mock/world").json["hourly_limit"]["value"] == 100


def test_form_orders_a_fault_and_clears_it(mock):
    fields = {"kind": "status", "operation": "*", "nth": "1", "times": "2", "parameters": "status=418 when=after"}
    assert send(mock, "faults", back="faults", containing="", **fields).status_code == 303
    assert mock.get("/api/kyc/validations").status_code == 418
    assert "struck 1 of 2" in page(mock)
    send(mock, "faults/clear")
    assert "None ordered" in page(mock)


def test_forms_hold_back_release_and_put_the_clock_forward(mock):
    send(mock, "webhooks", hold="true", copies="2", forge="no")
    mock.validation(mock.entity())
    send(mock, "webhooks/release", order="as_held")
    assert len(mock.events()) == 2
    assert send(mock, "clock", advance_seconds="691200").status_code == 303
    assert "expired" in page(mock)


def test_page_has_no_script_and_no_style_of_its_own(mock):
    mock.validation(mock.entity())
    assert not re.search(r"<script|<style|style=|onclick", page(mock))


def test_account_follows_a_validation_from_start_to_charge(mock):
    portal = {"onboarding": "o1", "validation": 2, "nonce": "n1"}
    validation = mock.validation(mock.entity(), metadata={"portal": portal})
    mock.client.get(validation["providerSessionUrl"])
    mock.told("clock", advance_seconds=60)
    mock.choose(validation, "approve")
    row = account(mock)
    assert {key: row[key] for key in portal} == portal and row["session"] == validation["sessionId"]
    assert (row["opened"], row["charged"]) == ("2026-03-01T12:00:00.123Z", "2026-03-01T12:01:00.123Z")
    assert (row["completed"], row["cancelled"], row["status"]) == (row["charged"], None, "approved")


def test_account_is_charged_by_the_first_verdict_only(mock):
    validation = mock.validation(mock.entity())
    mock.choose(validation, "abandon")
    assert account(mock)["charged"] is None
    mock.choose(validation, "DOCUMENT_EXPIRED")
    first = account(mock)["charged"]
    mock.told("clock", advance_seconds=60)
    mock.told(f"validations/{validation['id']}/outcome", outcome="approve")
    assert account(mock)["charged"] == first is not None


def test_account_says_when_it_was_cancelled(mock):
    mock.cancel(mock.validation(mock.entity()))
    row = account(mock)
    assert row["cancelled"] == row["completed"] is not None and row["charged"] is None
