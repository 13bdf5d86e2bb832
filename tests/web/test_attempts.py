"""A person who has no attempts left: what the page, the JSON, the form and the API say."""

from datetime import timedelta

import pytest

from portal.domain.attempts import DEFAULT_WINDOW
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from tests.factories import NOW
from tests.partners import partners_file
from tests.web.conftest import HOME, ONBOARDINGS
from tests.web.stages import rejected

JSON = {"Accept": "application/json"}
NUMBER = "12345678909"


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path, shop="start_page = true")})


def status_of(visitor, path):
    return visitor.get(f"{path}/status", headers=JSON).json


def button(page):
    return next(it for it in page.all("button") if (it["aria-describedby"] or "").startswith("retry-"))


@pytest.fixture
def begin(visitor, work):
    def begin(**changes):
        path = visitor.begin(**{"country": "BR", "document_number": NUMBER} | changes)
        work()
        return path

    return begin


@pytest.fixture
def fail(visitor, gu1, onboardings, clock):
    """The hosted page of the newest validation is opened, and gu1 rejects what it saw."""

    def fail(path):
        assert "verify.example.com" in visitor.get(f"{path}/continue").response.headers["Location"]
        gu1_id = list(gu1.validations)[-1]
        clock.advance(minutes=1)
        onboardings.observe(gu1.becomes(gu1_id, Status.REJECTED, reason=Reason.DOCUMENT_UNREADABLE))

    return fail


@pytest.fixture
def used_up(begin, fail, visitor, work, clock):
    """The path of the onboarding in which the person used up three attempts, the first at five past twelve."""
    clock.advance(minutes=5)
    path = begin()
    for attempt in (1, 2, 3):
        fail(path)
        if attempt < 3:
            visitor.press(path, "retry")
            work()
    return path


def test_the_page_says_when_the_next_attempt_is_free(visitor, used_up, clock):
    page = visitor.get(used_up)
    assert page.stage == Stage.CLOSED
    assert page.text("h1") == "Podés probar de nuevo más tarde"
    assert page.one("time")["datetime"] == "2026-03-03T12:05:00Z"
    assert page.text("time") == "en unas 24 horas"
    assert "disabled" in button(page) and "data-finished" not in page.html
    assert status_of(visitor, used_up)["can_retry_at"] == "2026-03-03T12:05:00Z"
    assert status_of(visitor, used_up)["attempts_left"] == 0
    clock.now = NOW + DEFAULT_WINDOW + timedelta(minutes=5)
    page = visitor.get(used_up)
    assert page.text("h1") == "Podés probar de nuevo"
    assert "disabled" not in button(page) and not page.all("time")
    assert status_of(visitor, used_up) | {"poll_after_seconds": None} == {
        "stage": "closed",
        "status": "rejected",
        "reason": "document_unreadable",
        "attempts_left": 1,
        "can_retry_at": None,
        "poll_after_seconds": None,
    }
    visitor.press(used_up, "retry")
    assert visitor.get(used_up).stage == Stage.PREPARING


@pytest.mark.parametrize("number", [NUMBER, "123.456.789-09"])
def test_what_others_do_with_a_number_shows_only_where_it_matters(visitor, begin, fail, number):
    victims = begin()
    assert status_of(visitor, victims)["attempts_left"] == 2
    visitor.get(f"{victims}/continue")
    strangers = begin(document_number=number)
    assert status_of(visitor, strangers)["attempts_left"] == 2
    visitor.get(f"{strangers}/continue")
    assert status_of(visitor, strangers)["attempts_left"] == 2
    fail(strangers)
    assert visitor.get(strangers).stage == Stage.REJECTED
    assert status_of(visitor, strangers)["attempts_left"] == 1  # it is what is left


def test_starting_anew_at_a_partners_page_brings_no_further_attempts(visitor, fail, work):
    details = {"country": "BR", "document_number": NUMBER}
    for _ in range(3):
        path = visitor.begin("/s/shop", **details)
        work()
        fail(path)
    path = visitor.begin("/s/shop", **details)
    work()
    assert status_of(visitor, path)["attempts_left"] == 0
    assert status_of(visitor, path)["can_retry_at"] is not None


def test_a_new_form_of_the_same_number_is_told_a_time_and_nothing_else(visitor, used_up, begin, gu1):
    path = begin()
    page = visitor.get(path)
    assert page.stage == Stage.CLOSED
    assert page.one("time")["datetime"] == "2026-03-03T13:00:00Z", "the whole hour after it"
    assert page.text("h1") == "Podés probar de nuevo más tarde"
    assert "intento" not in page.html.split('id="status"')[1]
    assert status_of(visitor, path)["reason"] is None
    assert visitor.get(f"{path}/continue").response.headers["Location"] == path
    assert len(gu1.named("create_validation")) == 3


def test_up_to_the_camera_a_used_up_number_looks_like_any_other(visitor, used_up, work):
    def first_steps(number):
        sent = visitor.send_form(country="BR", document_number=number)
        path = sent.response.headers["Location"]
        page, said = visitor.get(path), status_of(visitor, path)
        said.pop("poll_after_seconds")  # it has jitter
        return sent.status, page.stage, page.text("h1"), page.text("p", **{"class": "working"}), said

    assert first_steps(NUMBER) == first_steps("52998224725")


def test_the_partner_is_told_when(api, create, visitor, work, fail):
    started = create().json
    path = started["url"].removeprefix(HOME)
    work()
    visitor.send_form(path)
    work()
    for attempt in (1, 2, 3):
        fail(path)
        if attempt < 3:
            visitor.press(path, "retry")
            work()
    said = api("GET", f"{ONBOARDINGS}/{started['id']}").json
    assert (said["stage"], said["attempts"], said["can_retry_at"]) == ("closed", 3, "2026-03-03T12:00:00Z")
    again = create()
    assert (again.status_code, again.json["id"], again.json["stage"]) == (200, started["id"], "closed")


def test_an_outage_says_when_too(api, stored, app):
    stored(id="o-1", partner="shop", external_id="c-7", validation=rejected(Reason.REGISTRY_UNAVAILABLE))
    said = api("GET", f"{ONBOARDINGS}/o-1").json
    assert (said["stage"], said["can_retry_at"]) == ("rejected", "2026-03-02T12:10:00Z")


def test_where_only_a_person_can_help_no_time_is_told(api, stored):
    stored(id="o-1", partner="shop", external_id="c-7", validation=rejected(Reason.NOT_ELIGIBLE, number=3))
    said = api("GET", f"{ONBOARDINGS}/o-1").json
    assert (said["stage"], said["can_retry_at"]) == ("closed", None)
