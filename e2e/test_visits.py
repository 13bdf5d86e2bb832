"""Whatever looks at a link ahead of its person, in two browser engines."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from e2e.pages.applicant import Applicant, a_document_number
from e2e.test_bad_network import engine, firefox

__all__ = ["engine", "firefox"]

pytestmark = pytest.mark.xdist_group("bad network")


@pytest.fixture
def ready(engine, shared_environment):
    with engine.new_context() as context:
        applicant = Applicant(context.new_page(), shared_environment.portal.url)
        applicant.start(a_document_number())
        applicant.sees_stage("ready")
        yield applicant


def test_a_browser_that_fetches_ahead_does_not_open_the_hosted_page(ready):
    page = ready.page
    address = ready.way_to_camera.get_attribute("href")
    page.evaluate("(it) => fetch(it).catch(() => {})", address)
    page.evaluate(
        """(it) => new Promise((done) => {
          const link = Object.assign(document.createElement('link'), { rel: 'prefetch', href: it });
          link.onload = link.onerror = done;
          setTimeout(done, 2000);
          document.head.append(link);
        })""",
        address,
    )
    page.reload()
    ready.sees_stage("ready")
    ready.arrives_at_hosted_page()


def test_a_page_open_overnight_still_stops(ready):
    """Its button was signed with a key that is gone: the page comes again, and then it works."""
    page = ready.page
    page.evaluate("document.querySelectorAll('.stop [name=form_token]').forEach((it) => { it.value = 'old'; })")
    ready.stops()
    expect(page.get_by_role("alert")).to_be_visible()
    ready.stops()
    ready.sees_stage("cancelled")
