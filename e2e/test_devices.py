"""Continuing on a phone, returning to the computer, and in-app browsers."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy.engine import make_url

from e2e.pages.applicant import PHONE, Applicant, a_document_number
from e2e.pages.forms import onboarding_id
from e2e.servers import API_KEY, SECRET_KEY, WEBHOOK_SECRET
from portal.app import create_app
from portal.config import Config
from portal.web.applicant.second_device import qr_code
from tests.local_http import LOCAL

INSTAGRAM = (
    "Mozilla/5.0 (Linux; Android 13; SM-A536E Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/138.0.0.0 Mobile Safari/537.36 Instagram 382.0.0.49.84 Android (33/13; 450dpi; 1080x2177)"
)


@pytest.fixture
def phone(browser, shared_environment):
    with browser.new_context(**PHONE) as context:
        yield Applicant(context.new_page(), shared_environment.portal.url)


def test_a_computer_offers_the_phone_before_its_own_camera(applicant):
    applicant.start(a_document_number())
    applicant.sees_stage("ready")
    expect(applicant.page.locator(".device--mouse img")).to_be_visible()
    expect(applicant.page.locator(".device--touch")).to_be_hidden()
    applicant.page.wait_for_timeout(3000)
    applicant.sees_stage("ready")
    applicant.arrives_at_hosted_page()


def test_a_phone_stops_at_the_tips_first_and_a_retry_goes_straight_on(phone):
    phone.start(a_document_number())
    phone.sees_stage("ready")
    expect(phone.page.locator(".tips li")).to_have_count(3)
    expect(phone.page.locator("#status")).to_contain_text("127.0.0.1")
    expect(phone.way_to_camera).to_be_in_viewport()
    phone.page.wait_for_timeout(3000)
    phone.sees_stage("ready")
    phone.arrives_at_hosted_page()
    phone.chooses("Reject: DOCUMENT_EXPIRED")
    phone.sees_stage("rejected")
    phone.retries()
    phone.is_sent_to_hosted_page()


def scanned(running, link):
    """The address in the QR code that the page shows now; browsers have no camera to read it with."""
    database = make_url(running.database_url)
    keys = Path(f"{database.database}.keys").read_text().split() if running.database_url.startswith("sqlite") else ()
    config = Config(
        secret_keys=tuple(keys) or (SECRET_KEY,),
        database_url=running.database_url,
        gu1_base_url=running.gu1.url,
        gu1_api_key=API_KEY,
        gu1_webhook_secrets=(WEBHOOK_SECRET,),
    )
    behind = create_app(config).extensions["portal"]
    return f"{running.portal.url}/Q/{behind.phone_handover.code(behind.onboardings.get(onboarding_id(link)))}"


def test_the_code_is_in_sight_and_holds_a_short_address(applicant, shared_environment):
    applicant.page.set_viewport_size({"width": 1280, "height": 800})
    applicant.start(a_document_number())
    applicant.sees_stage("ready")
    picture = applicant.page.locator(".device--mouse img")
    expect(picture).to_be_in_viewport(ratio=1)
    served = httpx.get(applicant.portal_url + picture.get_attribute("src"), **LOCAL)
    address = scanned(shared_environment, applicant.access_link)
    assert served.content == qr_code(f"{address}.es-AR".upper())
    assert picture.evaluate("it => it.complete && it.naturalWidth > 0")


def test_the_computer_goes_on_when_the_phone_is_done(applicant, phone, shared_environment):
    applicant.start(a_document_number())
    applicant.sees_stage("ready")
    address = scanned(shared_environment, applicant.access_link)
    phone.page.goto(address)
    expect(applicant.page.locator("h1")).to_have_text("Seguí en tu celular")
    phone.arrives_at_hosted_page()
    applicant.sees_stage("waiting")
    expect(applicant.page.locator("h1")).to_have_text("Seguí en tu celular")
    phone.chooses("Approve")
    applicant.sees_stage("approved")
    applicant.hears(applicant.page.locator("h1").inner_text())
    phone.page.goto(address)
    expect(phone.page.locator("h1")).to_have_text("Este código ya no funciona")


def test_a_phone_that_took_over_is_told_to_go_back(applicant, phone):
    applicant.start(a_document_number())
    applicant.sees_stage("ready")
    taken_over = f"{applicant.access_link}?via=qr"
    phone.page.goto(taken_over)
    phone.arrives_at_hosted_page()
    phone.page.goto(taken_over)
    phone.sees_stage("waiting")
    expect(phone.page.locator(".device--back")).to_be_visible()
    expect(phone.page.locator(".device--touch")).to_be_hidden()
    phone.arrives_at_hosted_page()
    phone.chooses("Approve")
    phone.page.goto(taken_over)
    phone.sees_stage("approved")
    expect(phone.page.locator(".device--back")).to_be_visible()
    phone.page.locator(".languages summary").click()
    phone.page.locator("a[hreflang=en]").click()
    expect(phone.page.get_by_text("go back to your computer")).to_be_visible()


def test_a_phone_without_a_camera_can_pass_on_the_link(phone):
    phone.start(a_document_number())
    phone.arrives_at_hosted_page()
    phone.page.go_back()
    phone.sees_stage(re.compile("ready|waiting"))
    expect(phone.page.locator(".device--mouse")).to_be_hidden()
    phone.page.locator(".device--touch summary").click()
    expect(phone.page.locator("#other-device-link")).to_have_value(f"{phone.access_link}?lang=es-AR")


def test_the_link_is_copied_and_says_so(applicant):
    applicant.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    applicant.start(a_document_number())
    applicant.sees_stage("ready")
    applicant.page.locator("[data-copy=device-link]").click()
    applicant.hears("copiado")
    copied = applicant.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{applicant.access_link}?lang=es-AR"


def test_without_javascript_there_is_a_code_and_no_dead_button(browser, shared_environment):
    with browser.new_context(java_script_enabled=False) as context:
        applicant = Applicant(context.new_page(), shared_environment.portal.url)
        applicant.start(a_document_number())
        applicant.sees_stage("ready")
        expect(applicant.page.locator(".device--mouse img")).to_be_visible()
        expect(applicant.page.locator("[data-copy=device-link]")).to_be_hidden()


def test_inside_an_app_the_way_out_comes_before_the_form(browser, shared_environment):
    with browser.new_context(**PHONE | {"user_agent": INSTAGRAM}) as context:
        applicant = Applicant(context.new_page(), shared_environment.portal.url)
        applicant.open_form()
        notice = applicant.page.locator(".in-app")
        expect(notice).to_contain_text("Instagram")
        assert notice.bounding_box()["y"] < applicant.page.locator("[name=country]").bounding_box()["y"]
        expect(applicant.page.locator("#in-app-link")).to_have_value(f"{applicant.portal_url}/?lang=es-AR")
        applicant.fill_in(a_document_number())
        applicant.send()
        applicant.sees_stage("ready")
        expect(applicant.page.locator("#in-app-link")).to_have_value(f"{applicant.access_link}?lang=es-AR")
        applicant.arrives_at_hosted_page()
