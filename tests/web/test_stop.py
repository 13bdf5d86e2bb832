import pytest

from portal.domain.stage import Stage
from portal.domain.status import Status
from tests.databases import on_both_databases
from tests.web.stages import FINAL, WAITED_FOR, rejected, stored_as


@pytest.mark.parametrize("stage", WAITED_FOR)
def test_what_is_under_way_can_be_stopped(visitor, stored, stage):
    path = stored(**stored_as(stage))
    assert visitor.get(path).one("form", action=f"{path}/stop")["method"] == "post"
    stopped = visitor.press(path, "stop")
    assert (stopped.status, stopped.response.headers["Location"]) == (303, path)
    assert visitor.get(path).stage == Stage.CANCELLED


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


def test_a_link_alone_stops_nothing(visitor, stored):
    path = stored(**stored_as(Stage.WAITING))
    assert visitor.get(f"{path}/stop").status == 405
    assert visitor.get(f"{path}/retry").status == 405
    assert visitor.get(path).stage == Stage.WAITING


def test_a_button_of_another_onboarding_stops_nothing(visitor, stored):
    mine, other = stored(validation=rejected()), stored(**stored_as(Stage.WAITING))
    assert visitor.post(f"{other}/stop", visitor.get(mine).fields).status == 400
    assert visitor.get(other).stage == Stage.WAITING
