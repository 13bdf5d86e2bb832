"""How a journey ends when gu1, a registry or a reviewer decides otherwise than usual, in a real browser."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from e2e.pages.applicant import PHONE, Applicant, a_document_number
from portal.domain.locales import Locale
from tests.local_http import LOCAL

OUTDATED = "Reject: RENAPER_TRAMITE_ID_NOT_MATCH"
OUTAGE = "Reject: RENAPER_VERIFICATION_UNAVAILABLE"
PICTURES = os.environ.get("ENDINGS_PICTURES")
"""A folder for a picture of each ending, at two widths; for whoever changes texts or layout."""

in_each_language = pytest.mark.parametrize(
    "lang", [Locale.ES_AR, *(pytest.param(it, marks=pytest.mark.slow) for it in Locale if it is not Locale.ES_AR)]
)


@pytest.fixture
def applicant(browser, shared_environment, lang):
    with browser.new_context(**PHONE) as context:
        yield Applicant(context.new_page(), shared_environment.portal.url, lang)


@pytest.fixture
def decide(shared_environment):
    """A reviewer at gu1 decides about the applicant's attempt; 1 is the first."""

    def decide(applicant, attempt, outcome):
        wanted = (applicant.onboarding_id, attempt)
        rows = shared_environment.ledger()["validations"]
        (gu1_id,) = [row["id"] for row in rows if (row["onboarding"], row["validation"]) == wanted]
        url = f"{shared_environment.gu1.url}/_mock/validations/{gu1_id}/outcome"
        httpx.post(url, json={"outcome": outcome}, **LOCAL).raise_for_status()

    return decide


def sees_on_coming_back(applicant, stage):
    """Comes back to the page from another tab now and then; it is not loaded anew."""
    shown = applicant.page.locator(f"#status[data-stage={stage}]")
    for _ in range(40):
        if shown.count():
            break
        applicant.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        applicant.page.wait_for_timeout(250)
    applicant.sees_stage(stage)


def picture(applicant, name):
    if PICTURES is None:
        return
    for width in (360, 1280):
        applicant.page.set_viewport_size({"width": width, "height": 740})
        applicant.page.screenshot(path=Path(PICTURES) / f"{name}-{width}-{applicant.lang}.png", full_page=True)
    applicant.page.set_viewport_size(PHONE["viewport"])


def at_camera(applicant):
    applicant.start(a_document_number())
    applicant.arrives_at_hosted_page()


def contact(page):
    return page.locator("section.contact")


@in_each_language
def test_rejection_by_a_reviewer_leads_to_a_person_and_to_no_retry(applicant, decide):
    at_camera(applicant)
    applicant.chooses("Send to review")
    applicant.sees_stage("in_review")
    picture(applicant, "in-review")
    decide(applicant, 1, "reject")
    applicant.sees_stage("rejected")
    expect(contact(applicant.page)).to_be_visible()
    expect(applicant.page.locator("form[action*='/retry']")).to_have_count(0)
    picture(applicant, "rejected-by-a-reviewer")


@in_each_language
def test_outage_of_the_registry_costs_no_attempt_and_says_when_to_come_back(applicant):
    at_camera(applicant)
    applicant.chooses(OUTAGE)
    applicant.sees_stage("rejected", reason="registry_unavailable")
    expect(applicant.page.locator("form[action*='/retry'] button")).to_be_disabled()
    expect(applicant.page.locator("#status")).to_contain_text("10")
    picture(applicant, "registry-outage")


@in_each_language
def test_rejection_that_is_overturned_changes_the_open_page(applicant, decide):
    at_camera(applicant)
    applicant.chooses(OUTDATED)
    applicant.sees_stage("rejected", reason="registry_card_outdated")
    picture(applicant, "rejected")
    address = applicant.page.url
    decide(applicant, 1, "approve")
    sees_on_coming_back(applicant, "approved")
    assert applicant.page.url == address
    picture(applicant, "approved-after-rejected")
    decide(applicant, 1, "cancel")
    sees_on_coming_back(applicant, "cancelled")
    picture(applicant, "approval-taken-back")
