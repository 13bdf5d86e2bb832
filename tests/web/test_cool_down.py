"""Where the registry was silent the next attempt opens after a while, and the page says when."""

from datetime import timedelta

import pytest

from portal.domain.reasons import OUTAGE_WAITS, Reason
from portal.domain.stage import Stage
from tests.factories import NOW
from tests.web.stages import rejected

JSON = {"Accept": "application/json"}


@pytest.fixture
def path(stored):
    return stored(validation=rejected(Reason.REGISTRY_UNAVAILABLE))


def button(page):
    return next(it for it in page.all("button") if it["aria-describedby"].endswith("retry-hint"))


def attempts_left(visitor, path):
    return visitor.get(f"{path}/status", headers=JSON).json["attempts_left"]


def test_the_button_is_there_but_does_nothing_yet(visitor, path):
    page = visitor.get(path)
    assert "disabled" in button(page)
    assert page.one("time")["datetime"] == "2026-03-02T12:10:00Z"
    assert page.text("time") == "en unos 10 minutos"
    assert "Te quedan 3 intentos." in page.text("p", id="retry-hint")


def test_nothing_is_wrong_with_the_person(visitor, path):
    assert "No hay ningún problema con vos ni con tu documento." in visitor.get(path).html


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "en unos 10 minutos"), (60, "en unos 9 minutos"), (479, "en unos 3 minutos"), (541, "en menos de un minuto")],
)
def test_the_time_left_is_told_in_minutes(visitor, path, clock, seconds, words):
    clock.advance(seconds=seconds)
    assert visitor.get(path).text("time") == words


def test_pressed_too_early_it_opens_nothing_and_says_when(visitor, path, button, count, clock):
    clock.advance(minutes=9, seconds=59)
    pressed = visitor.post(f"{path}/retry", button(path))
    assert (pressed.status, pressed.response.headers["Location"]) == (303, path)
    assert (visitor.get(path).stage, attempts_left(visitor, path), count("validations")) == (Stage.REJECTED, 3, 1)
    assert visitor.get(path).text("time") == "en menos de un minuto"


def test_pressed_in_time_it_opens_the_next_attempt(visitor, path, clock):
    clock.now = NOW + OUTAGE_WAITS[0]
    page = visitor.get(path)
    assert "disabled" not in button(page)
    assert not page.all("time")
    assert "Ya podés probar de nuevo." in page.html
    visitor.press(path, "retry")
    assert (visitor.get(path).stage, attempts_left(visitor, path)) == (Stage.PREPARING, 2)


def test_an_open_page_opens_the_button_by_itself(visitor, path, clock):
    """By the page's own polls, each as far ahead as the answer before it said."""
    page, polls = visitor.get(path), 0
    while "disabled" in button(page):
        poll = page.one("section", id="status")
        clock.now += timedelta(milliseconds=int(poll["hx-trigger"].split("ms")[0].removeprefix("every ")))
        page = visitor.get(poll["hx-get"])
        assert page.status == 200, "asked too early"
        polls += 1
    assert polls == 10
    assert OUTAGE_WAITS[0] <= clock.now - NOW < OUTAGE_WAITS[0] + timedelta(seconds=2)
    assert page.one("form", action=f"{path}/retry")


def test_a_look_in_between_changes_nothing(visitor, path, clock):
    poll = visitor.get(path).one("section", id="status")["hx-get"]
    clock.advance(seconds=20)
    assert visitor.get(poll).status == 204


def test_without_javascript_the_page_comes_again_by_itself(visitor, path, clock):
    clock.now = NOW + OUTAGE_WAITS[0] - timedelta(seconds=30)
    pause = int(visitor.get(path).one("meta", http_equiv="refresh")["content"])
    clock.advance(seconds=pause)
    page = visitor.get(path)
    assert "disabled" not in button(page)
    assert not page.all("meta", http_equiv="refresh")


def test_programs_are_told_when_to_ask(visitor, path, clock):
    clock.now = NOW + OUTAGE_WAITS[0] - timedelta(seconds=30)
    assert 30 < visitor.get(f"{path}/status", headers=JSON).json["poll_after_seconds"] <= 32


def test_third_outage_in_a_row_closes_nothing_and_offers_a_person(visitor, stored):
    silent = rejected(Reason.REGISTRY_UNAVAILABLE, number=3)
    page = visitor.get(stored(validation=silent, outages=2, outages_in_row=2))
    assert (page.stage, page.text("time")) == (Stage.REJECTED, "en unas 6 horas")
    assert "Este intento no cuenta." in page.html
    assert "Te quedan 3 intentos." in page.text("p", id="retry-hint")
    assert page.one("h2", id="contact-title")
