"""What an applicant does in a browser; each method checks where it arrived."""

from __future__ import annotations

import random
import re
from contextlib import suppress
from urllib.parse import urlsplit

from playwright.sync_api import FrameLocator, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from e2e.pages.forms import onboarding_id

_SLOW = 20_000
_CLICK = 5_000

PHONE = {
    "viewport": {"width": 360, "height": 740},
    "is_mobile": True,
    "has_touch": True,
    "user_agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Mobile Safari/537.36",
}
"""Browser context options of a phone."""


def a_document_number() -> str:
    """An Argentine DNI that is unique in this run."""
    return str(random.randrange(31_000_000, 98_000_000))


def agree(place: Page | FrameLocator) -> None:
    """The text that is agreed to comes with the country's fields, and takes an earlier tick away."""
    expect(place.locator("[name=country].htmx-request")).to_have_count(0)
    place.locator("[name=consent]").check()


class Applicant:
    def __init__(self, page: Page, portal_url: str, lang: str = "es-AR") -> None:
        self.page = page
        self.portal_url = portal_url
        self.lang = lang
        page.set_default_timeout(_SLOW)

    def open_form(self) -> None:
        self.page.goto(f"{self.portal_url}/?lang={self.lang}")
        expect(self.page.locator("html")).to_have_attribute("lang", self.lang)

    def fill_in(self, document_number: str, *, country: str = "AR", **changes: str) -> None:
        self.page.locator("[name=country]").select_option(country)
        fields = {"first_name": "Ana María", "last_name": "Pérez", "document_number": document_number} | changes
        for name, value in fields.items():
            self.page.locator(f"[name={name}]").fill(value)
        agree(self.page)

    def send(self) -> None:
        self.page.locator("form button[type=submit]").last.click()

    def start(self, document_number: str, **changes: str) -> None:
        self.open_form()
        self.fill_in(document_number, **changes)
        self.send()
        self.compares_number()
        expect(self.page).to_have_url(re.compile(r"/o/|/session/"))

    def compares_number(self) -> None:
        """Without scripts the form comes back once, to show the number."""
        asked, arrived = self.page.locator("#compare"), self.page.locator("#status, form[action$='/outcome']")
        expect(asked.or_(arrived).first).to_be_visible(timeout=_SLOW)
        if asked.is_visible():
            self.send()

    @property
    def way_to_camera(self) -> Locator:
        return self.page.locator("#status a[href*='/continue']")

    def arrives_at_hosted_page(self) -> None:
        """By the button: on a computer, and on a phone's first attempt, which stops at the photo tips."""
        arrived = self.page.locator("form[action$='/outcome']")
        expect(self.way_to_camera.or_(arrived).first).to_be_visible(timeout=_SLOW)
        if arrived.is_visible():
            return
        with suppress(PlaywrightTimeout):  # A phone's retry may have gone on by itself before the click.
            self.way_to_camera.click(timeout=_CLICK)
        self.is_sent_to_hosted_page()

    def is_sent_to_hosted_page(self) -> None:
        """On a phone's retry, which continues without a click."""
        expect(self.page).to_have_url(re.compile(r"/session/"), timeout=_SLOW)

    def chooses(self, outcome: str) -> None:
        """Chooses on the mock's hosted page; "planned" takes the scenario's own outcome."""
        name = re.compile("^Continue as planned") if outcome == "planned" else outcome
        self.page.get_by_role("button", name=name, exact=outcome != "planned").click()
        expect(self.page).to_have_url(re.compile(r"/o/"))

    def sees_stage(self, stage: str | re.Pattern[str], *, reason: str | None = None) -> None:
        status = self.page.locator("#status")
        expect(status).to_have_attribute("data-stage", stage, timeout=_SLOW)
        if reason is not None:
            expect(status).to_have_attribute("data-reason", reason)

    @property
    def access_link(self) -> str:
        """Without the query, which may describe this device."""
        return self.portal_url + urlsplit(self.page.url).path

    @property
    def onboarding_id(self) -> str:
        return onboarding_id(self.access_link)

    def hears(self, words: str | re.Pattern[str]) -> None:
        expect(self.page.locator("#said")).to_contain_text(words, timeout=_SLOW)

    def stops(self) -> None:
        """Says that somebody else began it."""
        self.page.locator("details.stop summary").click()
        self.page.locator("form[action*='/stop'] button").click()

    def retries(self) -> None:
        self.page.locator("form[action*='/retry'] button").click()
