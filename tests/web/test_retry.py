from datetime import timedelta

import pytest

from portal.domain.onboarding import LIFETIME
from portal.domain.reasons import REMEDIES, Reason, Remedy
from portal.domain.stage import Stage
from portal.domain.status import Status
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.web.stages import SHOWN, adopted, rejected, stored_as

RETRYABLE = [Stage.REJECTED, Stage.EXPIRED, Stage.CANCELLED]
OFFERED = [*RETRYABLE, Stage.ABANDONED]


def attempts_of(visitor, path):
    return visitor.get(f"{path}/status", headers={"Accept": "application/json"}).json["attempts_left"]


def retry_forms(page, path):
    return page.all("form", action=f"{path}/retry")


@pytest.mark.parametrize("stage", SHOWN)
def test_the_button_is_there_where_it_helps(visitor, stored, stage):
    path = stored(**stored_as(stage))
    forms = retry_forms(visitor.get(path), path)
    assert [form["method"] for form in forms] == (["post"] if stage in OFFERED else [])


@pytest.mark.parametrize("reason", Reason)
def test_the_remedy_decides_on_the_button(visitor, stored, reason):
    path = stored(validation=rejected(reason))
    assert bool(retry_forms(visitor.get(path), path)) == (REMEDIES[reason] is not Remedy.CONTACT)


def test_the_button_says_after_which_attempt(visitor, stored):
    page = visitor.get(stored(validation=rejected(number=2)))
    assert page.one("input", name="attempt") == page.one("input", name="attempt", type="hidden", value="2")
    assert page.one("input", name="form_token", type="hidden")["value"]
    assert page.text("button", type="submit")


@pytest.mark.parametrize("stage", RETRYABLE)
def test_the_button_opens_the_next_attempt(visitor, stored, count, stage):
    path = stored(**stored_as(stage))
    pressed = visitor.press(path, "retry")
    assert (pressed.status, pressed.response.headers["Location"]) == (303, path)
    assert visitor.get(path).stage == Stage.PREPARING
    assert (attempts_of(visitor, path), count("validations")) == (1, 2)


def test_at_an_abandoned_session_it_first_closes_that(visitor, stored, count):
    path = stored(**stored_as(Stage.ABANDONED))
    assert visitor.get(path).all("a", href=f"{path}/continue")
    pressed = visitor.press(path, "retry")
    assert (pressed.status, pressed.response.headers["Location"]) == (303, path)
    page = visitor.get(path)
    assert (page.stage, count("validations"), page.all("a", href=f"{path}/continue")) == (Stage.PREPARING, 1, [])
    assert visitor.get(f"{path}/continue").response.headers["Location"] == path


def test_what_gu1_does_not_close_has_no_button_but_a_person(visitor, stored):
    refused = adopted(status=Status.ABANDONED, opened_at=NOW, restart_refused_at=NOW)
    path = stored(validation=refused)
    page = visitor.get(path)
    assert (retry_forms(page, path), len(page.all("a", href=f"{path}/continue"))) == ([], 1)
    assert page.text("h2", id="contact-title") == "Hablá con una persona"


@on_both_databases
def test_pressed_twice_it_opens_one(visitor, stored, count):
    path = stored(validation=rejected())
    fields = visitor.get(path).fields
    assert [visitor.post(f"{path}/retry", fields).status for _ in range(3)] == [303, 303, 303]
    assert (attempts_of(visitor, path), count("validations")) == (1, 2)


def test_an_old_button_does_nothing_after_the_next_rejection(visitor, gu1, clock, work, count):
    path = visitor.begin(country="BR", document_number="12345678909")
    work()
    gu1.becomes("validation-1", Status.REJECTED, reason=Reason.DOCUMENT_UNREADABLE)
    clock.advance(minutes=2)
    work()
    old = visitor.get(path).fields
    visitor.post(f"{path}/retry", old)
    work()
    gu1.becomes("validation-2", Status.REJECTED, reason=Reason.DOCUMENT_UNREADABLE)
    clock.advance(minutes=2)
    work()
    visitor.post(f"{path}/retry", old)
    assert (visitor.get(path).stage, count("validations")) == (Stage.REJECTED, 2)


@pytest.mark.asvs("2.3.1")
@pytest.mark.parametrize("stage", [stage for stage in SHOWN if stage not in OFFERED])
def test_where_it_is_not_allowed_nothing_happens(visitor, stored, button, count, stage):
    path = stored(**stored_as(stage))
    pressed = visitor.post(f"{path}/retry", button(path))
    assert (pressed.status, pressed.response.headers["Location"]) == (303, path)
    assert (visitor.get(path).stage, count("validations")) == (stage, 1)


@pytest.mark.asvs("8.3.1")
def test_no_made_up_attempt_opens_more(visitor, stored, count):
    path = stored(validation=rejected())
    fields = visitor.get(path).fields
    for attempt in ("99", "99", "2", "-1"):
        assert visitor.post(f"{path}/retry", fields | {"attempt": attempt}).status == 303
    assert count("validations") == 2


@pytest.mark.parametrize("attempt", [None, "", "one", "1.5", "9" * 5000, "\x00", "1; DROP TABLE validations"])
def test_an_unreadable_attempt_is_refused(visitor, stored, count, attempt):
    path = stored(validation=rejected())
    fields = visitor.get(path).fields | {"attempt": attempt}
    refused = visitor.post(f"{path}/retry", {name: value for name, value in fields.items() if value is not None})
    assert (refused.status, count("validations")) == (400, 1)


def test_a_button_works_on_its_own_onboarding_only(visitor, stored, count):
    mine, other = stored(validation=rejected()), stored(validation=rejected())
    assert visitor.post(f"{other}/retry", visitor.get(mine).fields).status == 400
    assert visitor.post(f"{other}/retry", visitor.get("/").fields | {"attempt": "1"}).status == 400
    assert count("validations") == 2


@pytest.mark.parametrize("open_for", [timedelta(hours=25), LIFETIME - timedelta(hours=1)])
def test_a_page_that_was_open_for_long_still_has_its_button(visitor, stored, clock, count, open_for):
    path = stored(validation=rejected())
    fields = visitor.get(path).fields
    clock.advance(seconds=open_for.total_seconds())
    assert visitor.post(f"{path}/retry", fields).status == 303
    assert count("validations") == 2


def test_a_button_that_no_longer_works_comes_back_fresh(visitor, stored, count):
    path = stored(validation=rejected())
    page = visitor.post(f"{path}/retry", visitor.get(path).fields | {"form_token": "of another key"})
    assert (page.status, page.stage, count("validations")) == (400, Stage.REJECTED, 1)
    assert page.one("div", role="alert")
    assert visitor.post(f"{path}/retry", page.fields).status == 303
    assert count("validations") == 2


@pytest.mark.asvs("2.3.2")
def test_attempts_run_out(visitor, gu1, clock, work):
    path = visitor.begin(country="BR", document_number="12345678909")
    for attempt in (1, 2, 3):
        work()
        gu1.becomes(f"validation-{attempt}", Status.REJECTED, reason=Reason.DOCUMENT_UNREADABLE)
        clock.advance(minutes=2)
        work()
        visitor.press(path, "retry") if attempt < 3 else None
    page = visitor.get(path)
    assert page.stage == Stage.CLOSED
    assert [it for it in page.all("button", aria_describedby="retry-opens") if "disabled" not in it] == []
    visitor.post(f"{path}/retry", page.fields)
    assert visitor.get(path).stage == Stage.CLOSED
    assert len(gu1.named("create_validation")) == 3
    assert len(gu1.named("create_entity")) == 1


@pytest.mark.asvs("16.5.3")
@on_both_databases
def test_a_store_that_is_down_opens_nothing(visitor, stored, writes_fail, count):
    path = stored(validation=rejected())
    fields = visitor.get(path).fields
    writes_fail("validations")
    refused = visitor.post(f"{path}/retry", fields)
    assert (refused.status, count("validations")) == (503, 1)
    assert refused.response.headers["Retry-After"]
    assert refused.one("a", href=path)
