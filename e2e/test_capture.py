"""The hosted page in its own tab, and in a frame next to the status."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from e2e.pages.applicant import PHONE, Applicant, a_document_number
from e2e.servers import environment

DESKTOP = {"viewport": {"width": 1280, "height": 900}}
SMALL = {"viewport": {"width": 360, "height": 740}}


@pytest.fixture(scope="module")
def tab_environment(tmp_path_factory):
    with environment(tmp_path_factory.mktemp("tab"), env={"PORTAL_CAPTURE": "new-tab"}) as running:
        yield running
        running.judge()


@pytest.fixture(scope="module")
def frame_environment(tmp_path_factory):
    capture = {"PORTAL_CAPTURE": "frame"}
    with environment(tmp_path_factory.mktemp("frame"), env=capture, mock_arguments=("--asks-camera",)) as running:
        yield running
        running.judge()


@pytest.fixture
def in_tab(page, tab_environment):
    return Applicant(page, tab_environment.portal.url)


@pytest.fixture(params=[DESKTOP, SMALL, PHONE], ids=["desktop", "small", "phone"])
def framed(request, browser, frame_environment):
    with browser.new_context(**request.param) as context:
        applicant = Applicant(context.new_page(), frame_environment.portal.url)
        applicant.start(a_document_number())
        applicant.sees_stage(re.compile("ready|waiting"))
        expect(hosted_frame(applicant).get_by_role("heading", name="Choose the outcome")).to_be_visible()
        yield applicant


def hosted_frame(applicant):
    return applicant.page.frame_locator(".hosted iframe")


def document_in_frame(applicant):
    return applicant.page.locator(".hosted iframe").element_handle().content_frame()


def has_a_way_past_the_frame(applicant):
    expect(applicant.way_to_camera).to_be_visible()
    assert applicant.way_to_camera.get_attribute("target") == "_blank"
    width = applicant.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0


def stop_answers(page):
    page.route("**/status?*", lambda route: route.fulfill(status=503, body="busy"))


def test_new_tab_opens_with_a_click_and_the_page_goes_on_by_itself(in_tab):
    page = in_tab.page
    in_tab.start(a_document_number())
    in_tab.sees_stage("ready")
    page.wait_for_timeout(2500)
    assert len(page.context.pages) == 1
    with page.context.expect_page() as opened:
        in_tab.way_to_camera.click()
    tab = opened.value
    expect(tab).to_have_url(re.compile("/session/"))
    assert tab.evaluate("window.opener") is None
    in_tab.sees_stage("waiting")
    tab.get_by_role("button", name="Approve", exact=True).click()
    expect(tab).to_have_url(re.compile("/return"))
    in_tab.sees_stage("approved")
    tab.locator("main a.button").click()
    expect(tab.locator("#status")).to_have_attribute("data-stage", "approved")


@pytest.mark.parametrize("an_environment", ["tab_environment", "frame_environment"])
def test_without_javascript_both_open_in_a_tab(browser, an_environment, request):
    running = request.getfixturevalue(an_environment)
    with browser.new_context(java_script_enabled=False) as context:
        applicant = Applicant(context.new_page(), running.portal.url)
        applicant.start(a_document_number())
        applicant.sees_stage("ready")
        with context.expect_page() as opened:
            applicant.way_to_camera.click()
        opened.value.get_by_role("button", name="Approve", exact=True).click()
        applicant.sees_stage("approved")


def test_the_frame_lasts_with_its_camera_until_the_verdict(framed):
    has_a_way_past_the_frame(framed)
    inside = document_in_frame(framed)
    hosted_frame(framed).get_by_role("button", name="Open the camera").click()
    expect(hosted_frame(framed).locator("#camera")).to_have_text("audio and video")
    inside.evaluate("window.kept = true")
    framed.sees_stage("waiting")
    for _ in range(10):
        with framed.page.expect_response("**/status?*"):
            framed.page.evaluate("document.querySelector('#status').dispatchEvent(new Event('look'))")
    assert inside.evaluate("window.kept")
    assert inside == document_in_frame(framed)
    outcome = hosted_frame(framed).get_by_role("button", name="Approve", exact=True)
    outcome.focus()
    outcome.press("Enter")
    framed.sees_stage("approved")
    expect(framed.page.locator("iframe")).to_have_count(0)
    expect(framed.page.get_by_role("heading", level=1)).to_be_focused()


@pytest.mark.parametrize("framed", [DESKTOP], indirect=True, ids=["desktop"])
def test_coming_back_inside_the_frame_does_not_nest_the_portal(framed):
    stop_answers(framed.page)
    hosted_frame(framed).get_by_role("button", name="Approve", exact=True).click()
    inside = document_in_frame(framed)
    inside.wait_for_url("**/return?*")
    expect(hosted_frame(framed).get_by_role("heading", level=1)).to_be_visible()
    expect(hosted_frame(framed).locator("header, nav, #status")).to_have_count(0)


@pytest.mark.asvs("3.5.5")
@pytest.mark.parametrize("framed", [DESKTOP], indirect=True, ids=["desktop"])
def test_words_of_the_frame_make_the_page_look_again_and_no_others_do(framed):
    page = framed.page
    page.wait_for_timeout(1000)
    page.evaluate("document.querySelector('#status').addEventListener('look', () => { window.looks += 1 })")
    page.evaluate("window.looks = 0; window.postMessage({ type: 'didit:completed' }, '*')")
    page.wait_for_timeout(600)
    assert page.evaluate("window.looks") == 0
    document_in_frame(framed).evaluate("for (let i = 0; i < 50; i++) parent.postMessage('{}', '*')")
    page.wait_for_timeout(600)
    assert page.evaluate("window.looks") == 1
    framed.sees_stage("waiting")


def test_no_policy_is_broken_on_the_way(browser, frame_environment):
    complaints = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
        applicant = Applicant(page, frame_environment.portal.url)
        applicant.start(a_document_number())
        hosted_frame(applicant).get_by_role("button", name="Approve", exact=True).click()
        applicant.sees_stage("approved")
    assert complaints == []
