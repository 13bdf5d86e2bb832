import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck, Observation
from portal.services.operator_actions import Operator
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.partners import RETURN_URL, partners_file
from tests.web.conftest import ONBOARDINGS
from tests.web.stages import FINAL, WAITED_FOR, rejected, stored_as


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def doors(visitor, ask, api, sql):
    """What each door says of the shop's onboarding `o-1`: its status, and everything that only a verdict has."""

    def doors(path):
        polled = ask("GET", f"{path}/status", headers={"Accept": "application/json"}).json
        asked = api("GET", f"{ONBOARDINGS}/o-1").json
        told = json.loads(sql("SELECT payload FROM events ORDER BY sequence DESC LIMIT 1")[0][0])
        back = parse_qs(urlsplit(ask("GET", f"{path}/back").headers["Location"]).query)
        page = visitor.get(path).one("section", id="status")
        return {
            "page": (page["data-status"], page.get("data-reason") or None, page["data-stage"]),
            "JSON": (polled["status"], polled["reason"], polled["stage"]),
            "API": (asked["status"], asked["reason"], asked["stage"]),
            "notification": (told["status"], told["reason"], told["stage"]),
            "way back": (back["status"][0], None, asked["stage"]),
            "verdict": (asked["verified_at"] or told["verified_at"], asked["identity_match"], told["identity_match"]),
        }

    return doors


@pytest.fixture(params=[Stage.WAITING, Stage.CONFIRMING, Stage.IN_REVIEW])
def stopped(request, visitor, stored):
    """The shop's onboarding `o-1`, stopped at each stage at which gu1 may still decide."""
    shop = {"id": "o-1", "partner": "shop", "external_id": "customer-7", "return_url": RETURN_URL}
    path = stored(**shop | stored_as(request.param))
    visitor.press(path, "stop")
    return path


@on_both_databases
@pytest.mark.parametrize("later", [Status.APPROVED, Status.REJECTED, Status.IN_REVIEW, Status.CANCELLED])
def test_a_stop_wins_at_every_door(stopped, doors, onboardings, count, later):
    at_once = doors(stopped)
    onboardings.observe(
        Observation(
            gu1_id=onboardings.get("o-1").validation.gu1_id,
            status=later,
            double_check=DoubleCheck.ANSWERED,
            document_number="30999999",
            verified_at=NOW,
            updated_at=NOW + timedelta(minutes=2),
        )
    )
    cancelled = dict.fromkeys(("page", "JSON", "API", "notification", "way back"), ("cancelled", None, "cancelled"))
    assert at_once == doors(stopped) == cancelled | {"verdict": (None, "unknown", "unknown")}
    assert count("events") == 1


@pytest.mark.parametrize("stage", WAITED_FOR)
def test_what_is_under_way_can_be_stopped(visitor, stored, stage):
    path = stored(**stored_as(stage))
    assert visitor.get(path).one("form", action=f"{path}/stop")["method"] == "post"
    stopped = visitor.press(path, "stop")
    assert (stopped.status, stopped.response.headers["Location"]) == (303, path)
    assert visitor.get(path).stage == Stage.CANCELLED


def test_what_an_operator_cancelled_nobody_is_told_to_have_stopped(app, visitor, stored):
    path = stored(id="o-1", **stored_as(Stage.WAITING))
    app.extensions["portal"].operator_actions.cancel("o-1", Operator("ana", "asked for it by phone"))
    page = visitor.get(f"{path}?lang=en")
    assert page.stage == Stage.CANCELLED
    assert "cancelled by" in page.html
    assert not any(words in page.html for words in ("You stopped", "by mistake", "used your details"))


@pytest.mark.asvs("2.3.1")
@pytest.mark.parametrize("stage", FINAL)
def test_what_is_over_cannot_be_stopped(visitor, stored, stage):
    path = stored(**stored_as(stage))
    assert not visitor.get(path).all("form", action=f"{path}/stop")


@pytest.mark.parametrize("stage", [Stage.APPROVED, Stage.REJECTED])
def test_a_late_stop_changes_no_verdict(visitor, stored, button, stage):
    path = stored(**stored_as(stage))
    assert visitor.post(f"{path}/stop", button(path)).status == 303
    assert visitor.get(path).stage == stage


@on_both_databases
def test_a_stopped_onboarding_stays_stopped(visitor, stored):
    path = stored(**stored_as(Stage.WAITING))
    fields = visitor.get(path).fields
    visitor.post(f"{path}/stop", fields)
    assert visitor.post(f"{path}/stop", fields).status == 303
    assert visitor.post(f"{path}/retry", fields).status == 303
    assert visitor.get(f"{path}/continue").response.headers["Location"] == path
    assert not visitor.get(path).all("form")


def test_stopping_reaches_gu1(visitor, gu1, work):
    path = visitor.begin()
    work()
    visitor.press(path, "stop")
    work()
    assert gu1.validations["validation-1"].status is Status.CANCELLED
    assert visitor.get(path).stage == Stage.CANCELLED


def test_stopped_before_gu1_was_asked_nothing_is_paid(visitor, gu1, work, sql):
    path = visitor.begin()
    visitor.press(path, "stop")
    work()
    assert gu1.named("create_validation") == []
    assert "30123456" not in str(sql("SELECT * FROM onboardings"))


@pytest.mark.parametrize("token", ["", "x", None])
def test_nobody_stops_without_a_token(visitor, stored, token):
    path = stored(**stored_as(Stage.WAITING))
    fields = {"attempt": "1"} | ({} if token is None else {"form_token": token})
    assert visitor.post(f"{path}/stop", fields).status == 400
    assert visitor.get(path).stage == Stage.WAITING


@pytest.mark.asvs("3.5.3")
def test_a_link_alone_stops_nothing(visitor, stored):
    path = stored(**stored_as(Stage.WAITING))
    assert visitor.get(f"{path}/stop").status == 405
    assert visitor.get(f"{path}/retry").status == 405
    assert visitor.get(path).stage == Stage.WAITING


@pytest.mark.asvs("8.2.2")
def test_a_button_of_another_onboarding_stops_nothing(visitor, stored):
    mine, other = stored(validation=rejected()), stored(**stored_as(Stage.WAITING))
    assert visitor.post(f"{other}/stop", visitor.get(mine).fields).status == 400
    assert visitor.get(other).stage == Stage.WAITING
