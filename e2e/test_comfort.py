"""Focus, screen reader announcements, a lost network, and a change of language in a half-filled form."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from e2e.pages.applicant import Applicant, a_document_number
from e2e.pages.forms import NAVIGATES
from tests.local_http import LOCAL

pytestmark = pytest.mark.xdist_group("sqlite-2")
"""On another worker than the other journeys, so that neither group takes too long."""

STAYS_IN_REVIEW = "99990003"
TYPED = {"first_name": "Ana María", "last_name": "Pérez", "document_number": "30.123.456", "email": "ana@example.com"}


@pytest.fixture
def waiting(applicant):
    """An applicant whose hosted page was opened on another device and not finished."""
    applicant.start(a_document_number())
    applicant.sees_stage("ready")
    httpx.get(f"{applicant.access_link}/continue", headers=NAVIGATES, follow_redirects=True, **LOCAL)
    applicant.sees_stage("waiting")
    return applicant


def decide(environment, outcome):
    newest = environment.ledger()["validations"][0]["id"]
    httpx.post(f"{environment.gu1.url}/_mock/validations/{newest}/outcome", json={"outcome": outcome}, **LOCAL)


def always_send_the_whole(page):
    """Every poll gets the whole fragment, as if the status had changed."""
    page.route("**/status?*", lambda route: route.continue_(url=route.request.url.replace("v=", "v=0")))


def polls(page, count):
    for _ in range(count):
        with page.expect_response("**/status?*"):
            page.evaluate("document.querySelector('#status').dispatchEvent(new Event('look'))")


def test_focus_stays_where_it_is_over_a_swap(waiting):
    page = waiting.page
    always_send_the_whole(page)
    page.locator(".stop summary").press("Enter")
    button = page.locator(".stop button")
    button.focus()
    polls(page, 3)
    expect(button).to_be_focused()


def test_focus_goes_to_the_verdict_when_its_button_is_gone(waiting, shared_environment):
    page = waiting.page
    page.locator(".stop summary").press("Enter")
    page.locator(".stop button").focus()
    decide(shared_environment, "DOCUMENT_EXPIRED")
    waiting.sees_stage("rejected")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    said = page.locator("#said")
    expect(said).not_to_be_empty()
    expect(said).not_to_contain_text(page.get_by_role("heading", level=1).inner_text())


def test_focus_elsewhere_is_left_alone(waiting, shared_environment):
    page = waiting.page
    languages = page.locator(".languages summary")
    languages.focus()
    decide(shared_environment, "approve")
    waiting.sees_stage("approved")
    expect(languages).to_be_focused()


def test_a_change_is_spoken_once_in_heading_and_sentence(waiting, shared_environment):
    page = waiting.page
    waiting.hears(page.get_by_role("heading", level=1).inner_text())
    page.evaluate(
        """() => {
          window.heard = [];
          const said = document.querySelector('#said');
          new MutationObserver(() => said.textContent && window.heard.push(said.textContent))
            .observe(said, { childList: true });
        }"""
    )
    always_send_the_whole(page)
    polls(page, 3)
    assert page.evaluate("window.heard") == []
    decide(shared_environment, "approve")
    waiting.sees_stage("approved")
    waiting.hears(page.get_by_role("heading", level=1).inner_text())
    heard = page.evaluate("window.heard")
    assert len(heard) == 1
    assert len(heard[0]) < len(page.locator("#status").inner_text())


def test_a_lost_network_is_said_and_unsaid(applicant):
    applicant.start(STAYS_IN_REVIEW)
    applicant.sees_stage("in_review")
    notice = applicant.page.locator("[data-offline]")
    expect(notice).to_be_empty()
    applicant.page.context.set_offline(True)
    expect(notice).not_to_be_empty()
    expect(notice).to_be_in_viewport()
    applicant.page.context.set_offline(False)
    expect(notice).to_be_empty()


def test_another_networks_page_is_no_news(waiting, shared_environment):
    page = waiting.page
    page.route(
        "**/status?*", lambda route: route.fulfill(body="<h1>Welcome to the airport</h1>", content_type="text/html")
    )
    polls(page, 2)
    waiting.sees_stage("waiting")
    expect(page.locator("h1")).not_to_contain_text("airport")
    page.unroute("**/status?*")
    decide(shared_environment, "approve")
    waiting.sees_stage("approved")


def values(page):
    return {name: page.locator(f"[name={name}]").input_value() for name in TYPED}


def speak(page, lang):
    page.locator(".languages summary").click()
    page.locator(f"a[hreflang={lang}]").click()
    expect(page.locator("html")).to_have_attribute("lang", lang)


def test_another_language_keeps_what_was_typed(applicant):
    page = applicant.page
    applicant.open_form()
    applicant.fill_in(**TYPED)
    speak(page, "pt-BR")
    assert values(page) == TYPED
    expect(page.locator("[name=consent]")).to_be_checked()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert "Ana" not in page.url and "30" not in page.url.split("?")[1]
    applicant.send()
    applicant.sees_stage("ready")
    expect(page.locator("html")).to_have_attribute("lang", "pt-BR")


def test_another_language_keeps_what_was_sent_wrong(applicant):
    page = applicant.page
    applicant.open_form()
    applicant.fill_in(**TYPED | {"document_number": "1"})
    applicant.send()
    expect(page.get_by_role("alert")).to_be_visible()
    speak(page, "en")
    assert values(page) == TYPED | {"document_number": "1"}


def test_an_empty_form_changes_its_language_by_a_plain_link(applicant):
    applicant.open_form()
    sent = []
    applicant.page.on("request", lambda request: sent.append(request.method))
    speak(applicant.page, "en")
    assert "POST" not in sent


def test_a_country_chosen_without_a_network_loses_nothing(applicant):
    page = applicant.page
    applicant.open_form()
    applicant.fill_in(**TYPED)
    page.context.set_offline(True)
    page.locator("[name=country]").select_option("BR")
    page.wait_for_timeout(500)
    assert values(page) == TYPED
    page.context.set_offline(False)
    expect(page.locator("label[for=document_number]")).to_contain_text("CPF")
    assert values(page) == TYPED
    expect(page.locator("[name=country]")).to_have_value("BR")


def tab_to(page, wanted):
    """Presses Tab until the element has the focus."""
    for _ in range(40):
        if wanted.evaluate("it => it === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"never reached {wanted}")


def test_the_whole_journey_with_the_keyboard_alone(applicant, shared_environment):
    page = applicant.page
    applicant.open_form()
    for name, typed in TYPED.items():
        tab_to(page, page.locator(f"[name={name}]"))
        page.keyboard.type(typed if name != "document_number" else a_document_number())
    tab_to(page, page.locator("[name=consent]"))
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    applicant.sees_stage("ready")
    tab_to(page, applicant.way_to_camera)
    page.keyboard.press("Enter")
    applicant.is_sent_to_hosted_page()
    tab_to(page, page.get_by_role("button", name="Reject: RENAPER_TRAMITE_ID_NOT_MATCH"))
    page.keyboard.press("Enter")
    applicant.sees_stage("rejected")
    tab_to(page, page.locator("form[action*='/retry'] button"))
    page.keyboard.press("Enter")
    applicant.sees_stage("ready")
    tab_to(page, applicant.way_to_camera)
    page.keyboard.press("Enter")
    applicant.is_sent_to_hosted_page()
    tab_to(page, page.get_by_role("button", name="Approve", exact=True))
    page.keyboard.press("Enter")
    applicant.sees_stage("approved")


def test_the_whole_journey_on_the_narrowest_screen(browser, shared_environment):
    with browser.new_context(viewport={"width": 320, "height": 568}) as context:
        applicant = Applicant(context.new_page(), shared_environment.portal.url)

        def fits():
            wide = applicant.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 320, applicant.page.url

        applicant.open_form()
        fits()
        applicant.send()
        expect(applicant.page.get_by_role("alert")).to_be_visible()
        fits()
        applicant.fill_in(a_document_number())
        applicant.send()
        applicant.sees_stage("ready")
        fits()
        applicant.page.locator(".stop summary").click()
        fits()
        applicant.arrives_at_hosted_page()
        applicant.chooses("Reject: RENAPER_TRAMITE_ID_NOT_MATCH")
        applicant.sees_stage("rejected")
        fits()
        applicant.retries()
        applicant.arrives_at_hosted_page()
        applicant.chooses("Approve")
        applicant.sees_stage("approved")
        fits()
