"""A whole verification in a browser that runs no scripts, on either database."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from e2e.pages.applicant import Applicant, a_document_number

_PATIENCE = 20.0


def waits(applicant, stage, **more):
    """The page reloads itself every few seconds."""
    applicant.sees_stage(stage, **more)


def checks_again(applicant, stage, **more):
    """The page has a link to check again at once."""
    deadline = time.monotonic() + _PATIENCE
    again = applicant.page.locator(".again a:not([href*='/erasure'], [href$='/continue'])")
    there = applicant.page.locator(f"#status[data-stage={stage}]")
    while not there.count() and time.monotonic() < deadline:
        applicant.page.wait_for_timeout(200)
        if again.count():
            again.click()
    applicant.sees_stage(stage, **more)


@pytest.mark.parametrize(
    ("database_kind", "lang", "comes_to"),
    [("sqlite", "es-AR", waits), ("postgresql", "pt-BR", checks_again)],
    indirect=["database_kind"],
)
def test_whole_journey_without_javascript(browser, shared_environment, lang, comes_to):
    with browser.new_context(java_script_enabled=False) as context:
        applicant = Applicant(context.new_page(), shared_environment.portal.url, lang)
        number = a_document_number()
        applicant.open_form()
        applicant.fill_in(number)
        applicant.send()
        shown = f"{number[:2]}.{number[2:5]}.{number[5:]}"
        expect(applicant.page.locator("main form")).to_contain_text(shown)
        expect(applicant.page.locator("[name=document_number]")).to_have_value(shown)
        if lang == "pt-BR":  # the page was made for Brazil, where people agree to something else
            expect(applicant.page.locator("[name=consent]")).not_to_be_checked()
            applicant.page.locator("[name=consent]").check()
            applicant.send()
        else:
            applicant.compares_number()
        comes_to(applicant, "ready")
        applicant.page.locator("#status a[href*='/continue']").click()
        applicant.arrives_at_hosted_page()
        applicant.chooses("Reject: RENAPER_TRAMITE_ID_NOT_MATCH")
        comes_to(applicant, "rejected", reason="registry_card_outdated")
        applicant.retries()
        comes_to(applicant, "ready")
        applicant.page.locator("#status a[href*='/continue']").click()
        applicant.arrives_at_hosted_page()
        applicant.chooses("Approve")
        comes_to(applicant, "approved")
