"""What the pages need of the vendored version of htmx."""

from __future__ import annotations

import pytest

from e2e.pages.applicant import Applicant

STAYS_IN_REVIEW = "99990003"


class Polls:
    def __init__(self, page):
        self.answers = []
        page.on("response", lambda answer: "/status" in answer.url and self.answers.append(answer.status))

    def wait_for(self, page, count):
        target = len(self.answers) + count
        for _ in range(100):
            if len(self.answers) >= target:
                return
            page.wait_for_timeout(100)
        raise AssertionError(f"only {self.answers}")


@pytest.fixture
def in_review(applicant):
    applicant.start(STAYS_IN_REVIEW)
    applicant.sees_stage("in_review")
    return applicant.page


def test_nothing_is_swapped_when_nothing_changed(in_review):
    polls = Polls(in_review)
    in_review.evaluate("document.querySelector('#status h1').marked = true")
    polls.wait_for(in_review, 2)
    assert set(polls.answers) == {204}
    assert in_review.evaluate("document.querySelector('#status h1').marked")


def test_hidden_tab_catches_up_as_soon_as_it_is_seen(in_review):
    """Three polls, each sooner than the timer would send it."""
    for _ in range(3):
        with in_review.expect_request("**/status?*", timeout=500):
            in_review.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_polling_outlives_a_lost_network(in_review):
    with in_review.expect_event("requestfailed"):
        in_review.context.set_offline(True)
    in_review.context.set_offline(False)
    polls = Polls(in_review)
    polls.wait_for(in_review, 2)


def test_a_portal_in_trouble_is_left_in_peace_for_as_long_as_it_asks(in_review):
    busy = Polls(in_review)
    in_review.route("**/status?*", lambda route: route.fulfill(status=503, headers={"Retry-After": "2"}, body="busy"))
    busy.wait_for(in_review, 1)
    for _ in range(3):  # whatever else would make it ask
        in_review.wait_for_timeout(500)
        in_review.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert len(busy.answers) == 1
    in_review.unroute("**/status?*")
    Polls(in_review).wait_for(in_review, 1)


def test_polling_outlives_a_portal_that_is_away_for_a_moment(page, own_environment):
    applicant = Applicant(page, own_environment.portal.url)
    applicant.start(STAYS_IN_REVIEW)
    applicant.sees_stage("in_review")
    page.route("**/status?*", lambda route: route.fulfill(status=503, body="<h1>busy</h1>"))
    Polls(page).wait_for(page, 2)
    applicant.sees_stage("in_review")
    page.unroute("**/status?*")
    own_environment.portal.kill()
    own_environment.portal.start()
    polls = Polls(page)
    polls.wait_for(page, 2)


def test_polling_ends_with_the_verdict(applicant):
    applicant.start("99990002")
    applicant.sees_stage("rejected", reason="document_expired")
    polls = Polls(applicant.page)
    applicant.page.wait_for_timeout(3000)
    assert polls.answers == []


UNSAFE = {
    "an event handler": "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 1\">')",
    "a handler behind a slash": "document.createElement('div').innerHTML = '<svg/onload=1>'",
    "a handler in a line of its own": "document.createElement('div').innerHTML = '<svg\\nonload\\n=1>'",
    "a script": "document.createElement('div').innerHTML = '<script>1</script>'",
    "a script's address": "document.createElement('script').src = '/static/portal.js'",
    "a script's text": "document.createElement('script').text = 'document.title = 1'",
    "another policy": "trustedTypes.createPolicy('more', { createHTML: (it) => it })",
    "the same policy again": "trustedTypes.createPolicy('default', { createHTML: (it) => it })",
}


@pytest.mark.asvs("1.2.3", "3.2.2")
def test_no_text_becomes_code_and_htmx_works_all_the_same(applicant):
    page, complaints = applicant.page, []
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.goto(applicant.portal_url)
    page.locator("select[name=country]").select_option("BR")
    page.locator("label", has_text="CPF").wait_for()
    applicant.start(STAYS_IN_REVIEW)
    applicant.sees_stage("in_review")
    assert complaints == []
    for what, code in UNSAFE.items():
        tried = f"() => {{ try {{ {code}; return 'done' }} catch (error) {{ return error.name }} }}"
        assert page.evaluate(tried) == "TypeError", what
