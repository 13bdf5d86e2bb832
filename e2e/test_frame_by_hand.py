"""A person agrees in the partner's frame, in Firefox, by mouse and by keyboard: what no driver can show there."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import expect

from e2e.browser import FIREFOX
from e2e.embedding_sites import Customer, embedding_sites
from e2e.hands import WHEEL_DOWN, WHEEL_UP, hands, missing

pytestmark = pytest.mark.slow
MIDDLE = "it => { const { x, y, width, height } = it.getBoundingClientRect(); return [x + width / 2, y + height / 2] }"
CORNER = "it => { const { x, y } = it.getBoundingClientRect(); return [x + mozInnerScreenX, y + mozInnerScreenY] }"
ROOM = "() => [mozInnerScreenX + 200, mozInnerScreenY, mozInnerScreenY + innerHeight]"
EDGE = 40


@pytest.fixture(scope="module")
def person():
    if lacking := missing():
        pytest.skip(lacking)
    with hands() as found:
        yield found


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    with embedding_sites(tmp_path_factory.mktemp("embedding")) as running:
        yield running


@pytest.fixture
def page(playwright, person):
    firefox = playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=FIREFOX.path_or_skip(),
        headless=False,
        env={**os.environ, "DISPLAY": person.display, "MOZ_ENABLE_WAYLAND": "0"},
    )
    with firefox:
        yield firefox.new_page(no_viewport=True)


@pytest.fixture
def customer(page, embedded):
    page.goto(embedded.embeds("redirect"))
    customer = Customer(page)
    customer.frame.locator("[name=country]").select_option("AR")
    expect(customer.frame.locator("[name=country].htmx-request")).to_have_count(0)
    return customer


@pytest.fixture
def clicks(page, person):
    """In the middle of something in the frame, once the wheel brought it into sight."""

    def at(part):
        (left, top), (x, y) = page.locator("#kyc").evaluate(CORNER), part.evaluate(MIDDLE)
        return left + x, top + y

    def clicks(part):
        x, top, bottom = page.evaluate(ROOM)
        person.moves(x, top + 200)
        for _ in range(60):
            _, y = at(part)
            if top + EDGE < y < bottom - EDGE:
                break
            person.presses_button(WHEEL_DOWN if y > top + EDGE else WHEEL_UP)
            page.wait_for_timeout(150)
        seen, now = None, at(part)
        while seen != now:  # the page still scrolls
            page.wait_for_timeout(300)
            seen, now = now, at(part)
        person.clicks(*now)

    return clicks


def test_consent_is_ticked_by_mouse_and_by_its_label(customer, clicks):
    consent = customer.frame.locator("[name=consent]")
    clicks(consent)
    expect(consent).to_be_checked()
    clicks(customer.frame.locator("label:has([name=consent])"))
    expect(consent).not_to_be_checked()


def test_consent_is_ticked_by_the_keyboard_alone(customer, clicks, person):
    clicks(customer.frame.locator("[name=document_number]"))
    for _ in range(15):
        if customer.frame.locator("[name=consent]:focus").count():
            break
        person.presses_key("Tab")
        customer.page.wait_for_timeout(100)
    person.presses_key("space")
    expect(customer.frame.locator("[name=consent]")).to_be_checked()
