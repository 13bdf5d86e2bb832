"""A whole verification in each language, on a phone that is set to another language."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from e2e.pages.applicant import PHONE, Applicant, a_document_number
from portal.domain.locales import Locale

pytestmark = pytest.mark.xdist_group("sqlite-2")
"""On another worker than the other journeys, so that neither group takes too long."""

ANOTHER = {"es-AR": "en-US", "es": "pt-BR", "pt-BR": "es-AR", "en": "es-MX"}


@pytest.mark.parametrize("lang", Locale)
def test_the_whole_journey_speaks_the_chosen_language(browser, shared_environment, lang):
    with browser.new_context(**PHONE, locale=ANOTHER[lang]) as context:
        applicant = Applicant(context.new_page(), shared_environment.portal.url, lang)

        def sees(stage, **more):
            applicant.sees_stage(stage, **more)
            expect(applicant.page.locator("html")).to_have_attribute("lang", lang)
            return applicant.page.locator("#status").inner_text()

        applicant.start(a_document_number())
        applicant.arrives_at_hosted_page()
        applicant.chooses("Reject: RENAPER_TRAMITE_ID_NOT_MATCH")
        rejection = sees("rejected", reason="registry_card_outdated")
        applicant.page.goto(applicant.access_link)  # the link as a partner sends it, without a language
        assert sees("rejected") == rejection
        applicant.retries()
        applicant.is_sent_to_hosted_page()
        applicant.chooses("Approve")
        sees("approved")
