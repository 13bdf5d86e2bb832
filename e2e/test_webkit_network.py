"""What `test_bad_network` and `test_no_connection` show in Chromium and Firefox, in WebKitGTK: rows 13 to 16 and 19.

Playwright does not drive WebKitGTK, so the proxy in front of the sites makes the faults. Collected only where
`E2E_ENGINES` names webkit.
"""

from __future__ import annotations

import re
import time

import pytest

from e2e.pages.applicant import a_document_number
from e2e.pages.customer import agree
from e2e.sites.environment import PORTAL, PROVIDER
from e2e.sites.front import NOWHERE
from e2e.test_cross_site import browsers, open_window, sites

__all__ = ["browsers", "open_window", "sites"]

STAYS_IN_REVIEW = "99990003"
STATUS = re.compile(rb"^GET /o/[^/]+/status")
HTMX = re.compile(rb"^GET /static/vendor/htmx")
OURS = re.compile(rb"^GET /static/portal\.js")
ALL = re.compile(rb"^")


@pytest.fixture
def window(open_window):
    return open_window()


@pytest.fixture(autouse=True)
def front(sites):
    sites.front.lets_cache = False
    yield sites.front
    sites.front.hangs_at = sites.front.fails_at = NOWHERE
    sites.front.drops_custom_headers = False
    sites.front.hung.clear()
    sites.front.failed.clear()


@pytest.fixture
def fill_in(window):
    def fill_in(number):
        window.open(f"{PORTAL}/?lang=en")
        window.choose("[name=country]", "AR")
        for name, text in {"first_name": "Ana", "last_name": "Pérez", "document_number": number}.items():
            window.fill(f"[name={name}]", text)
        agree(window)

    return fill_in


@pytest.fixture
def start(window, fill_in):
    def start(number, stage):
        fill_in(number)
        window.click(SEND)
        window.sees(f"#status[data-stage={stage}]")

    return start


SEND = "form.details button.button:not([name])"


def asked(front, count, within):
    deadline = time.monotonic() + within
    while len(front.hung) < count:
        assert time.monotonic() < deadline, f"asked {len(front.hung)} times"
        time.sleep(0.1)


def test_what_hangs_is_asked_again_and_at_once_when_somebody_comes_back(window, start, front):
    start(STAYS_IN_REVIEW, "in_review")
    front.hangs_at = STATUS
    asked(front, 1, 90)
    asked(front, 2, 15)
    for number, event in enumerate(("online", "pageshow"), start=3):
        window.evaluate(f"dispatchEvent(new Event('{event}'))")
        asked(front, number, 5)


@pytest.mark.parametrize("script", [HTMX, OURS], ids=["htmx", "ours"])
def test_page_whose_script_does_not_arrive_refreshes_itself(window, fill_in, front, script):
    front.fails_at = script
    fill_in(a_document_number())
    window.click(SEND)
    window.sees(".notice")  # nothing showed the country's text, or the number while it was typed
    if script is HTMX:
        agree(window)
    window.click(SEND)
    window.sees("#status[data-stage=ready]")
    assert front.failed


@pytest.mark.parametrize("script", [HTMX, OURS], ids=["htmx", "ours"])
def test_form_whose_script_does_not_arrive_has_the_button_for_the_country(window, front, script):
    front.fails_at = script
    window.open(f"{PORTAL}/?lang=en")
    window.fill("[name=first_name]", "Ana")
    window.choose("[name=country]", "BR")
    window.click("button[value=country]")
    assert front.failed
    window.sees("input[name=first_name][value=Ana]")
    assert "CPF" in window.evaluate("document.querySelector('label[for=document_number]').textContent")


def test_proxy_that_drops_custom_headers_changes_nothing(window, start, front):
    front.drops_custom_headers = True
    start(a_document_number(), "ready")
    time.sleep(3)
    window.sees("#status[data-stage=ready]")
    assert window.evaluate("document.querySelectorAll('header, #status, main').length") == 3


def test_the_hosted_page_opens_by_the_persons_click(window, start):
    start(a_document_number(), "ready")
    window.click("#status a[href*='/continue']")
    window.arrives_at(PROVIDER)


def test_form_is_kept_and_sent_when_the_network_is_back(window, fill_in, front):
    fill_in(a_document_number())
    front.fails_at = ALL
    window.click(SEND)
    window.sees("#unsent")
    assert window.evaluate("document.querySelector('[name=first_name]').value") == "Ana"
    front.fails_at = NOWHERE
    window.arrives_at(f"{PORTAL}/o/")
