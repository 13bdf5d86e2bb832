"""A start above the limit of its address, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from e2e.pages.applicant import Applicant, a_document_number
from e2e.servers import environment


@pytest.fixture
def portal_url(tmp_path):
    with environment(tmp_path, env={"PORTAL_STARTS_PER_ADDRESS": "1"}) as running:
        yield running.portal.url


def test_above_the_limit_the_browser_works_and_goes_on_by_itself(page, portal_url):
    applicant = Applicant(page, portal_url)
    applicant.start(a_document_number())
    first = page.url
    applicant.open_form()
    applicant.fill_in(a_document_number())
    with page.expect_response(lambda it: it.request.method == "POST" and it.status == 429):
        applicant.send()
    expect(page).to_have_url(re.compile(r"/o/|/session/"))
    assert page.url != first
