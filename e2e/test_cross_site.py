"""Partner, portal and provider on three sites over HTTPS, in each browser engine, with third-party cookies blocked.

`E2E_ENGINES` names the engines; WebKitGTK is off by default because it needs a display.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from e2e import browser
from e2e.pages.applicant import a_document_number
from e2e.pages.customer import Customer
from e2e.sites.engines import ENGINES
from e2e.sites.environment import BANK, JAR, SHOP, STRANGER, cross_site

WANTED = os.environ.get("E2E_ENGINES", "chromium firefox").split()


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    with cross_site(tmp_path_factory.mktemp("sites")) as running:
        yield running
        running.judge()
        # Firefox contacts Mozilla whatever its settings say.
        asked = {host for host in running.front.strangers if not host.endswith(".mozilla.com:443")}
        assert asked == set(), "something was to come from elsewhere"


@pytest.fixture(scope="module")
def browsers(sites, tmp_path_factory, request):
    """Starts each engine at the first test that needs it."""
    with ExitStack() as running:
        opened = {}

        def of(engine):
            if engine not in opened:
                binary, home = browser.ENGINES[engine].path_or_skip(), tmp_path_factory.mktemp(engine)
                playwright = None if engine == "webkit" else request.getfixturevalue("playwright")
                started = ENGINES[engine](playwright, binary, sites.front, sites.authority, home)
                opened[engine] = running.enter_context(started)
            return opened[engine]

        yield of


@pytest.fixture(params=[pytest.param(it, marks=pytest.mark.xdist_group(it)) for it in WANTED])
def open_window(request, browsers):
    return browsers(request.param)


@pytest.fixture
def customer(open_window):
    return Customer(open_window(), SHOP)


@pytest.fixture(autouse=True)
def nobody_sends_cookies(sites):
    """No test may make the portal or the provider set or receive a cookie."""
    yield
    assert sites.front.cookies.keys() <= {"jar.test"}


def test_the_browser_keeps_no_cookies_of_a_framed_site(open_window):
    window = open_window()
    window.open(f"{STRANGER}/jar?other={JAR}")
    window.within("iframe").reads("#kept", "nothing")


@pytest.mark.parametrize(
    ("site", "capture"),
    [(SHOP, "redirect"), (SHOP, "frame"), (SHOP, "new-tab"), (BANK, "redirect"), (BANK, "frame")],
    ids=lambda it: {SHOP: "permissions-policy", BANK: "no-policy"}.get(it, it),
)
def test_verified_in_a_frame_with_a_live_camera(open_window, site, capture):
    customer = Customer(open_window(), site)
    customer.opens_frame(capture)
    customer.sends_details(a_document_number())
    customer.keeps_nothing()
    customer.goes_on(capture)
    customer.opens_camera()
    customer.chooses("approve")
    customer.sees_stage("approved")
    customer.keeps_nothing()
    customer.goes_back()
    customer.sees_account("approved")


def test_verified_by_redirect_and_back_once(customer, sites):
    customer.is_redirected()
    customer.sends_details(a_document_number())
    customer.goes_on()
    customer.opens_camera()
    customer.chooses("approve")
    customer.sees_stage("approved")
    customer.keeps_nothing()
    customer.goes_back()
    customer.sees_account("approved")
    sites.hears(SHOP, customer.id, "approved")
    customer.goes_back_again()
    customer.window.sees("main .why")


def test_rejected_in_a_frame_and_retried_there(customer):
    customer.opens_frame()
    customer.sends_details(a_document_number())
    customer.goes_on()
    customer.chooses("RENAPER_TRAMITE_ID_NOT_MATCH")
    customer.sees_stage("rejected", reason="registry_card_outdated")
    customer.retries()
    customer.goes_on()
    customer.chooses("approve")
    customer.sees_stage("approved")


def test_two_partners_at_once_know_nothing_of_each_other(open_window, sites):
    first, second = Customer(open_window(), SHOP), Customer(open_window(), BANK)
    for customer in (first, second):
        customer.opens_frame()
        customer.sends_details(a_document_number())
    for customer in (first, second):
        customer.goes_on()
    first.chooses("approve")
    second.chooses("review")
    first.sees_stage("approved")
    second.sees_stage("in_review")
    first.sees_account("approved")
    second.sees_account("in_review")


@pytest.mark.asvs("8.4.1")
def test_a_partner_cannot_read_anothers_onboarding(sites):
    started = sites.onboarding(SHOP, external_id=a_document_number())
    answers = [sites.clients[BANK].get(f"/api/v1/onboardings/{name}") for name in (started["id"], "unknown")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_a_page_that_nobody_registered_shows_no_onboarding(open_window, sites):
    started = sites.onboarding(SHOP, external_id=a_document_number())
    window = open_window()
    window.open(f"{STRANGER}/?src={started['url']}")
    window.reads("#error", "refused")
    assert window.within("#plain").evaluate("document.querySelector('form')") is None
