"""The network or the portal goes while a form is open: what was typed stays, and is sent when it is back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from e2e.browser import FIREFOX
from e2e.embedding_sites import Customer, embedding_sites
from e2e.pages.applicant import Applicant, a_document_number

MOUSE_OF_FIREFOX = {"ui.primaryPointerCapabilities": 6, "ui.allPointerCapabilities": 6}
pytestmark = pytest.mark.xdist_group("no connection")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    with embedding_sites(tmp_path_factory.mktemp("no-connection")) as running:
        yield running


@pytest.fixture(scope="module")
def firefox(playwright):
    browser = playwright.firefox.launch(
        channel="moz-firefox", executable_path=FIREFOX.path_or_skip(), firefox_user_prefs=MOUSE_OF_FIREFOX
    )
    yield browser
    browser.close()


@pytest.fixture(params=["chromium", "firefox"])
def page(request):
    engine = request.getfixturevalue("browser" if request.param == "chromium" else "firefox")
    with engine.new_context() as context:
        yield context.new_page()


def says_that_it_waits(place):
    expect(place.locator("#unsent")).to_be_visible(timeout=10_000)
    expect(place.locator("[name=first_name]")).to_have_value("Ana María")


def test_form_is_kept_and_sent_when_the_network_is_back(page, embedded):
    applicant = Applicant(page, embedded.portal)
    applicant.open_form()
    applicant.fill_in(a_document_number())
    page.route("**/*", lambda route: route.abort("internetdisconnected"))
    applicant.send()
    says_that_it_waits(page)
    applicant.hears("Ahora no hay conexión")
    page.locator("[name=first_name]").fill("Ana Clara")  # nothing is shut meanwhile
    page.unroute("**/*")
    expect(page).to_have_url(re.compile(r"/o/"), timeout=10_000)


def test_form_is_kept_while_the_portal_restarts(page, embedded):
    applicant = Applicant(page, embedded.portal)
    applicant.open_form()
    applicant.fill_in(a_document_number())
    page.locator("[name=email]").focus()
    embedded.environment.portal.stop()
    page.keyboard.press("Enter")
    says_that_it_waits(page)
    embedded.environment.portal.start()
    expect(page).to_have_url(re.compile(r"/o/"), timeout=10_000)


def test_form_in_a_frame_is_kept_while_the_portal_restarts(page, embedded):
    page.goto(embedded.embeds("redirect"))
    customer = Customer(page)
    frame = customer.frame
    frame.locator("[name=country]").select_option("AR")
    for name, value in {
        "document_number": a_document_number(),
        "first_name": "Ana María",
        "last_name": "Pérez",
    }.items():
        frame.locator(f"[name={name}]").fill(value)
    expect(frame.locator("[name=country].htmx-request")).to_have_count(0)
    frame.locator("[name=consent]").dispatch_event("click")
    embedded.environment.portal.stop()
    frame.locator("form button[type=submit]").last.dispatch_event("click")
    says_that_it_waits(frame)
    embedded.environment.portal.start()
    customer.sees_stage(re.compile("preparing|ready"))


def test_way_to_the_camera_waits_too(page, embedded):
    applicant = Applicant(page, embedded.portal)
    applicant.start(a_document_number())
    applicant.sees_stage("ready")
    page.route("**/*", lambda route: route.abort("internetdisconnected"))
    applicant.way_to_camera.click()
    expect(page.locator("#unsent")).to_be_visible(timeout=10_000)
    page.unroute("**/*")
    applicant.is_sent_to_hosted_page()


@pytest.mark.parametrize(
    "answer", [{"status": 503}, {"status": 302, "headers": {"Location": "https://login.example/"}}]
)
def test_a_proxy_that_answers_instead_of_the_portal_blocks_nothing(browser, embedded, answer):
    with browser.new_context() as context:
        page = context.new_page()
        page.route("**/*", lambda it: it.fulfill(**answer) if it.request.method == "HEAD" else it.continue_())
        applicant = Applicant(page, embedded.portal)
        applicant.open_form()
        applicant.fill_in(a_document_number())
        applicant.send()
        if answer["status"] == 503:
            says_that_it_waits(page)
            applicant.send()
        expect(page).to_have_url(re.compile(r"/o/"), timeout=10_000)
