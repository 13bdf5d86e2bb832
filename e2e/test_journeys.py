"""Whole verifications on real processes in a real browser."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import expect

from e2e.pages.applicant import PHONE, Applicant, a_document_number
from tests.databases import on_both_databases
from tests.local_http import LOCAL

REGISTRY_ANSWERS_WITHIN = 7_000
"""Milliseconds; the mock's registry takes five seconds."""
LONGEST_PAUSE = 30_000
"""Milliseconds between two tries of what gu1 did not answer, after it has been away for long."""


def test_approved_without_a_hosted_page(applicant):
    applicant.start("99990001")
    applicant.sees_stage("approved")
    expect(applicant.page).to_have_title(re.compile("^" + re.escape(applicant.page.locator("h1").inner_text())))


@pytest.mark.asvs("14.3.3")
@on_both_databases
def test_approved_without_a_cookie_or_a_broken_policy(applicant):
    complaints = []
    applicant.page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    applicant.start(a_document_number())
    applicant.arrives_at_hosted_page()
    applicant.chooses("Approve")
    applicant.sees_stage("approved")
    assert [it for it in applicant.page.context.cookies() if applicant.portal_url.endswith(it["domain"])] == []
    assert complaints == []


@on_both_databases
def test_outdated_card_is_retried_with_the_current_one(applicant):
    applicant.start("30000016")
    applicant.arrives_at_hosted_page()
    applicant.chooses("planned")
    applicant.sees_stage("rejected", reason="registry_card_outdated")
    expect(applicant.page.get_by_role("button", name="Reintentar con tu DNI actual")).to_be_visible()
    applicant.retries()
    applicant.arrives_at_hosted_page()
    applicant.chooses("planned")
    applicant.sees_stage("approved")


def test_a_stop_stands_though_the_registry_confirms_later(page, own_environment):
    running = own_environment
    httpx.post(f"{running.gu1.url}/_mock/world", json={"renaper": "two_steps"}, **LOCAL).raise_for_status()
    applicant = Applicant(page, running.portal.url)
    applicant.start(a_document_number())
    applicant.arrives_at_hosted_page()
    applicant.chooses("Approve")
    applicant.sees_stage("confirming")
    applicant.stops()
    applicant.sees_stage("cancelled")
    expect(page.locator("#status")).to_have_attribute("data-status", "cancelled")
    page.wait_for_timeout(REGISTRY_ANSWERS_WITHIN)
    for language in ("es-AR", "es", "pt-BR", "en"):
        page.goto(f"{applicant.access_link}?lang={language}")
        applicant.sees_stage("cancelled")
        expect(page.locator("#status")).to_have_attribute("data-status", "cancelled")


def test_known_document_number_looks_like_a_new_one(applicant, shared_environment, browser):
    number = a_document_number()
    applicant.start(number)
    applicant.arrives_at_hosted_page()
    with browser.new_context() as context:
        second = Applicant(context.new_page(), shared_environment.portal.url)
        second.start(number)
        second.arrives_at_hosted_page()
        second.chooses("Approve")
        second.sees_stage("approved")
    entities = shared_environment.ledger()["entities"]
    assert max(entity["created"] for entity in entities.values()) >= 2


def test_wrong_form_puts_the_focus_on_the_summary_and_keeps_the_input(applicant):
    applicant.open_form()
    applicant.fill_in("123", first_name="Ana")
    applicant.send()
    summary = applicant.page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(applicant.page.locator("[name=first_name]")).to_have_value("Ana")
    summary.get_by_role("link").first.click()
    expect(applicant.page.locator("[name=document_number]")).to_be_focused()


def test_document_field_follows_the_country_and_keeps_what_was_typed(applicant):
    applicant.open_form()
    number = applicant.page.locator("[name=document_number]")
    number.fill("52998224725")
    label = applicant.page.locator("label[for=document_number]")
    expect(label).not_to_contain_text("CPF")
    applicant.page.locator("[name=country]").select_option("BR")
    expect(label).to_contain_text("CPF")
    expect(number).to_have_value("52998224725")


def test_agreement_to_the_text_of_another_country_is_taken_back(applicant):
    page = applicant.page
    applicant.open_form()
    applicant.fill_in("52998224725", country="BR")
    expect(page.locator("[name=consent]")).to_be_checked()
    page.locator("[name=country]").select_option("AR")
    expect(page.locator("[name=consent]")).not_to_be_checked()
    applicant.hears("Leé otra vez tu consentimiento")


@pytest.fixture
def cancels_abandoned(shared_environment):
    """gu1 cancels what was left unfinished."""
    world = f"{shared_environment.gu1.url}/_mock/world"
    httpx.post(world, json={"cancel_abandoned": "allowed"}).raise_for_status()
    yield
    httpx.post(world, json={"cancel_abandoned": "refused"}).raise_for_status()


def leaves_the_camera(applicant):
    applicant.start(a_document_number())
    access_link = applicant.access_link
    applicant.arrives_at_hosted_page()
    applicant.page.get_by_role("button", name="Abandon", exact=True).click()
    applicant.page.goto(access_link)
    applicant.sees_stage("abandoned")


def test_unfinished_camera_step_is_started_anew(applicant, cancels_abandoned):
    leaves_the_camera(applicant)
    expect(applicant.way_to_camera).to_be_visible()
    applicant.retries()
    applicant.arrives_at_hosted_page()
    applicant.chooses("Approve")
    applicant.sees_stage("approved")


def test_unfinished_camera_step_that_gu1_does_not_close_is_continued(applicant):
    leaves_the_camera(applicant)
    applicant.retries()
    expect(applicant.page.get_by_role("heading", name="Hablá con una persona")).to_be_visible(timeout=LONGEST_PAUSE)
    applicant.arrives_at_hosted_page()
    applicant.chooses("Approve")
    applicant.sees_stage("approved")


@on_both_databases
def test_killed_between_form_and_hosted_page_nothing_is_lost(browser, quick_environment):
    with browser.new_context(**PHONE) as context:
        applicant = Applicant(context.new_page(), quick_environment.portal.url)
        quick_environment.gu1.stop()
        applicant.start(a_document_number())
        applicant.sees_stage(re.compile("preparing|delayed"))
        quick_environment.portal.kill()
        quick_environment.gu1.start()
        quick_environment.portal.start()
        expect(applicant.way_to_camera).to_be_visible(timeout=LONGEST_PAUSE)
        applicant.arrives_at_hosted_page()
        applicant.chooses("Approve")
        applicant.sees_stage("approved")
        assert quick_environment.ledger()["created"] == 1
