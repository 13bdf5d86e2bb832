"""Requests that hang, scripts that do not arrive and proxies that drop headers, in two browser engines."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from threading import Event

import httpx
import pytest
from playwright.sync_api import Error, expect

from e2e.browser import FIREFOX
from e2e.pages.applicant import PHONE, Applicant, a_document_number
from tests.local_http import LOCAL

pytestmark = pytest.mark.xdist_group("bad network")

STAYS_IN_REVIEW = "99990003"
MOUSE_OF_FIREFOX = {"ui.primaryPointerCapabilities": 6, "ui.allPointerCapabilities": 6}
HTMX = "**/static/vendor/htmx-*"
OURS = "**/static/portal.js*"


@pytest.fixture(scope="module")
def firefox(playwright):
    browser = playwright.firefox.launch(
        channel="moz-firefox", executable_path=FIREFOX.path_or_skip(), firefox_user_prefs=MOUSE_OF_FIREFOX
    )
    yield browser
    browser.close()


@pytest.fixture(params=["chromium", "firefox"])
def engine(request):
    return request.getfixturevalue("browser" if request.param == "chromium" else "firefox")


@pytest.fixture
def applicant(engine, shared_environment):
    with engine.new_context() as context:
        yield Applicant(context.new_page(), shared_environment.portal.url)


@pytest.fixture
def in_review(applicant):
    applicant.start(STAYS_IN_REVIEW)
    applicant.sees_stage("in_review")
    return applicant.page


@contextmanager
def hanging(page, address):
    """The list grows with each request; none of them is answered before the end."""
    asked, is_over = [], Event()

    def hold(route):
        # One that comes while the others are let go would wait for ever, and fail another test.
        if is_over.is_set():
            let_go(route)
        else:
            asked.append(route)

    page.route(address, hold)
    yield asked
    is_over.set()
    page.unroute(address)
    for route in asked:
        let_go(route)


@contextmanager
def failing(page, address):
    page.route(address, let_go)
    yield
    page.unroute(address)


def let_go(route):
    with suppress(Error):  # given up meanwhile
        route.abort()


def waits_for(page, asked, count, seconds):
    for _ in range(seconds * 10):
        if len(asked) >= count:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"asked {len(asked)} times")


def test_what_hangs_is_given_up_and_asked_again_after_twice_as_long(in_review):
    with hanging(in_review, "**/status?*") as asked:
        waits_for(in_review, asked, 1, 10)
        waits_for(in_review, asked, 2, 7)
        in_review.wait_for_timeout(6000)
        assert len(asked) == 2
        waits_for(in_review, asked, 3, 6)
    with in_review.expect_response("**/status?*"):
        in_review.evaluate("dispatchEvent(new Event('online'))")


@pytest.mark.parametrize(
    "comes_back",
    [
        "dispatchEvent(new Event('online'))",
        "document.dispatchEvent(new Event('visibilitychange'))",
        "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
    ],
)
def test_whoever_comes_back_does_not_wait_for_what_hangs(in_review, comes_back):
    with hanging(in_review, "**/status?*") as asked:
        waits_for(in_review, asked, 1, 10)
        in_review.evaluate(comes_back)
        waits_for(in_review, asked, 2, 2)


def test_country_that_hangs_is_asked_for_again(applicant):
    page = applicant.page
    applicant.open_form()
    with hanging(page, "**/?*part=document*") as asked:
        page.locator("[name=country]").select_option("BR")
        waits_for(page, asked, 1, 2)
        page.wait_for_timeout(4000)
    expect(page.locator("label", has_text="CPF")).to_be_visible(timeout=5000)


@pytest.mark.parametrize("script", [HTMX, OURS])
@pytest.mark.parametrize("fault", ["fails", "hangs"])
def test_page_whose_script_does_not_arrive_refreshes_itself(applicant, shared_environment, script, fault):
    page = applicant.page
    applicant.start(STAYS_IN_REVIEW)
    applicant.sees_stage("in_review")
    with hanging(page, script) if fault == "hangs" else failing(page, script):
        page.goto(page.url, wait_until="commit")
        newest = shared_environment.ledger()["validations"][0]["id"]
        url = f"{shared_environment.gu1.url}/_mock/validations/{newest}/outcome"
        httpx.post(url, json={"outcome": "approve"}, **LOCAL)
        expect(page.locator("#status")).to_have_attribute("data-stage", "approved", timeout=30_000)


@pytest.mark.parametrize("script", [HTMX, OURS])
def test_form_whose_script_does_not_arrive_has_the_button_for_the_country(applicant, script):
    page = applicant.page
    page.route(script, lambda route: route.abort())
    applicant.open_form()
    page.locator("[name=first_name]").fill("Ana")
    page.locator("[name=country]").select_option("BR")
    page.locator("button[value=country]").click()
    expect(page.locator("label", has_text="CPF")).to_be_visible()
    expect(page.locator("[name=first_name]")).to_have_value("Ana")


def test_page_that_needs_no_help_shows_none(applicant):
    applicant.open_form()
    applicant.page.wait_for_timeout(9000)
    expect(applicant.page.locator("button[value=country]")).to_have_count(0)


def without_custom_headers(context):
    """As some content delivery networks pass requests on."""

    def strip(route):
        headers = {name: it for name, it in route.request.headers.items() if not re.match("hx-|x-", name, re.I)}
        route.continue_(headers=headers)

    context.route("**/*", strip)


def test_proxy_that_drops_custom_headers_changes_nothing(applicant):
    page = applicant.page
    without_custom_headers(page.context)
    applicant.open_form()
    page.locator("[name=country]").select_option("BR")
    expect(page.locator("label", has_text="CPF")).to_be_visible()
    applicant.start(a_document_number())
    applicant.sees_stage("ready")
    page.wait_for_timeout(3000)
    applicant.sees_stage("ready")
    assert page.locator("header, #status, main").count() == 3


def test_proxy_that_drops_custom_headers_lets_a_phone_go_on(browser, shared_environment):
    with browser.new_context(**PHONE) as context:
        without_custom_headers(context)
        applicant = Applicant(context.new_page(), shared_environment.portal.url)
        applicant.start(a_document_number())
        applicant.arrives_at_hosted_page()
        applicant.chooses("Reject: DOCUMENT_EXPIRED")
        applicant.sees_stage("rejected")
        applicant.retries()
        applicant.is_sent_to_hosted_page()
