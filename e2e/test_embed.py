"""The portal in a frame on partners' pages; partner, portal and provider are three different sites."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from itertools import pairwise

import httpx
import pytest
from playwright.sync_api import expect

from e2e.embedding_sites import QUICK, UNUSED_PROVIDER, Customer, embedding_sites
from e2e.pages.applicant import PHONE
from tests.local_http import LOCAL

MODES = ["redirect", "tab", "frame"]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    with embedding_sites(tmp_path_factory.mktemp("embedding")) as running:
        yield running
        running.environment.judge()


@pytest.fixture
def complaints(page):
    said = []
    page.on("console", lambda message: message.type in {"error", "warning"} and said.append(message.text))
    return said


@pytest.fixture
def customer(page, embedded):
    """Opens a partner's page."""

    def customer(partner, **options):
        page.goto(embedded.embeds(partner, **options))
        return Customer(page)

    return customer


@pytest.fixture
def phone(browser, embedded):
    with browser.new_context(**PHONE) as context:

        def phone(partner, **options):
            page = context.new_page()
            page.goto(embedded.embeds(partner, **options))
            return Customer(page)

        yield phone


def approve(place):
    place.get_by_role("button", name="Approve", exact=True).click()


LOADED = "() => new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))"


def has_a_live_camera(place):
    place.locator("html").evaluate(LOADED)  # before that the button does nothing
    place.get_by_role("button", name="Open the camera").click()
    expect(place.locator("#camera")).to_have_text("audio and video")


def reaches_the_camera(someone, partner):
    """The hosted page: in the frame, in a tab, or in a frame within the frame."""
    someone.sees_stage(re.compile("ready|waiting") if partner == "frame" else "ready")
    if partner == "redirect":
        someone.way_to_camera.click()
    place = someone.opens_a_tab() if partner == "tab" else someone.frame
    return arrived_at(place.frame_locator(".hosted iframe") if partner == "frame" else place)


def arrived_at(place):
    expect(place.get_by_role("heading", name="Choose the outcome")).to_be_visible(timeout=20_000)
    return place


@pytest.mark.parametrize("partner", MODES)
def test_a_customer_is_approved_without_leaving_the_partners_page(customer, complaints, partner):
    someone = customer(partner)
    someone.fills_in()
    place = reaches_the_camera(someone, partner)
    has_a_live_camera(place)
    approve(place)
    someone.sees_stage("approved")
    assert someone.hears("finished") == {"stage": "approved", "status": "approved"}
    told = someone.heard("status")
    assert (told[0]["stage"], told[-1]["stage"]) == ("details", "approved")
    assert all(first != second for first, second in pairwise(told)), told
    assert (len(someone.heard("ready")), len(someone.heard("finished")), someone.heard("error")) == (1, 1, [])
    assert not [it for it in complaints if "postMessage" in it]


def test_on_a_phone_the_frame_goes_on_to_the_provider(phone, embedded):
    someone = phone("redirect")
    someone.fills_in()
    someone.sees_stage("ready")
    someone.way_to_camera.click()
    place = arrived_at(someone.frame)
    has_a_live_camera(place)
    approve(place)
    someone.sees_stage("approved")


def heights(someone):
    outer = someone.page.locator(f"#{someone.id} iframe").evaluate("it => it.clientHeight")
    inner = someone.frame.locator("body").evaluate("it => Math.ceil(it.getBoundingClientRect().height)")
    return outer, inner


def follows_the_content(someone):
    for _ in range(50):
        outer, inner = heights(someone)
        if outer == inner:
            return outer
        someone.page.wait_for_timeout(100)
    raise AssertionError((outer, inner))


@pytest.mark.parametrize("who", ["customer", "phone"])
def test_the_height_follows_the_content_and_comes_to_rest(request, who):
    someone = request.getfixturevalue(who)("redirect")
    someone.hears("ready")
    form = follows_the_content(someone)
    someone.frame.locator("form button[type=submit]").last.click()
    expect(someone.frame.locator("[role=alert]")).to_be_visible()
    longer = follows_the_content(someone)
    someone.page.wait_for_timeout(500)
    assert heights(someone) == (longer, longer) != (form, form)
    assert someone.frame.locator("html").evaluate("it => it.scrollWidth <= innerWidth")


def test_the_next_page_begins_where_it_can_be_seen(customer):
    someone = customer("tab")
    someone.page.set_viewport_size({"width": 400, "height": 500})
    someone.fills_in()
    someone.sees_stage("ready")
    expect(someone.frame.get_by_role("heading", level=1)).to_be_in_viewport()


def test_an_unregistered_page_is_refused_with_what_to_mend(customer, embedded, complaints):
    someone = customer("redirect", at="stranger")
    told = someone.hears("error")
    assert told["code"] == "refused"
    assert embedded.site.origin("stranger") in told["message"]
    assert any(told["message"] in it for it in complaints)
    with someone.page.context.expect_page() as opened:
        someone.page.locator("#kyc a").click()
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible()
    assert opened.value.evaluate("window.opener") is None


def test_a_link_that_opens_nothing_is_said_in_words(page, embedded):
    element = f'<kyc-onboarding id="kyc" src="{embedded.portal}/o/nothing" {QUICK}></kyc-onboarding>'
    page.goto(embedded.site.page("shop", element, embedded.script))
    assert Customer(page).hears("error")["code"] == "expired"
    expect(page.locator("#kyc").get_by_role("status")).not_to_be_empty()


def test_a_frame_of_another_origin_is_not_made(page, embedded):
    for src in ("https://example.com/o/x", "", "javascript:alert(1)", "/o/x"):
        element = f'<kyc-onboarding id="kyc" src="{src}"></kyc-onboarding>'
        page.goto(embedded.site.page("shop", element, embedded.script))
        assert Customer(page).hears("error")["code"] == "bad-src", src
        assert page.locator("#kyc iframe").count() == 0


def test_a_portal_that_is_away_is_waited_for(page, tmp_path):
    with embedding_sites(tmp_path) as running:
        page.goto(running.embeds("redirect"))
        someone = Customer(page)
        someone.hears("ready")
        running.environment.portal.kill()
        page.locator("#kyc").evaluate("it => it.parentNode.append(it)")
        assert someone.hears("error")["code"] == "unreachable"
        expect(page.locator("#kyc").get_by_role("button")).to_be_visible()
        running.environment.portal.start()
        expect(someone.frame.locator("form.details")).to_be_visible(timeout=40_000)


def switch(embedded, *, enabled, link):
    """The bank in the partners file, which the portal then reads again; returns once it has."""
    off = "[partners.bank]\nenabled = false\n"
    text = embedded.partners.read_text().replace(off, "[partners.bank]\n")
    embedded.partners.write_text(text if enabled else text.replace("[partners.bank]\n", off))
    os.kill(embedded.environment.portal.process.pid, signal.SIGHUP)
    deadline, in_a_row = time.monotonic() + 20, 0
    while in_a_row < 15:  # old workers go on for a little
        in_a_row = in_a_row + 1 if opens(link) is enabled else 0
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_it_comes_back_by_itself_when_the_partner_is_switched_on_again(page, embedded):
    link = embedded.invite("bank")
    switch(embedded, enabled=False, link=link)
    element = f'<kyc-onboarding id="kyc" src="{link}" {QUICK}><a href="{link}">Verify</a></kyc-onboarding>'
    page.goto(embedded.site.page("bank", element, embedded.script))
    someone, instead = Customer(page), page.get_by_role("link", name="Verify")
    assert someone.hears("error")["code"] == "switched-off"
    expect(instead).to_be_visible()
    switch(embedded, enabled=True, link=link)
    expect(someone.frame.locator("form.details")).to_be_visible(timeout=40_000)
    expect(instead).not_to_be_visible()


def opens(link):
    """None if an old worker ended just before it read the request; `test_reload.py` is about such moments."""
    with suppress(httpx.RemoteProtocolError):
        return httpx.get(link, **LOCAL).is_success
    return None


STRANGERS = """
async (origin) => {
  const words = { source: "kyc-onboarding", version: 1, type: "finished", stage: "approved", status: "approved" };
  window.postMessage(words, "*");
  const stranger = document.createElement("iframe");
  stranger.srcdoc = `<script>parent.postMessage(${JSON.stringify(words)}, "*")</` + "script>";
  document.body.append(stranger);
  await new Promise((done) => { setTimeout(done, 500); });
}
"""


@pytest.mark.asvs("3.5.5")
def test_words_of_strangers_are_not_listened_to(customer):
    someone = customer("redirect")
    someone.hears("ready")
    someone.page.evaluate(STRANGERS)
    wrong = [{"version": 2}, {"source": "other"}, {"version": "1"}]
    for change in wrong:
        words = {"source": "kyc-onboarding", "version": 1, "type": "finished", "stage": "approved"} | change
        someone.frame.locator("html").evaluate("(_, words) => parent.postMessage(words, '*')", words)
    someone.frame.locator("html").evaluate("() => parent.postMessage(null, '*')")
    someone.page.wait_for_timeout(300)
    assert someone.heard("finished") == []


RAW = """
window.said = [];
addEventListener("message", ({ data, origin }) => said.push({ ...data, origin }));
window.say = (words) => frames[0].postMessage(words, "*");
window.hello = { source: "kyc-onboarding", version: 1, type: "hello", camera: true };
"""


@pytest.fixture
def raw(page, embedded):
    """A page with a hand-written iframe."""

    def raw(partner, *, allow="camera *; microphone *"):
        embedded.site.answers["/raw.js"] = ("text/javascript", RAW, {})
        frame = f'<iframe src="{embedded.invite(partner)}" allow="{allow}" width="500" height="900"></iframe>'
        page.goto(embedded.site.page("shop", frame, '<script src="/raw.js"></script>'))
        return page

    return raw


@pytest.mark.asvs("3.5.5")
def test_the_frame_says_nothing_unless_it_is_greeted_rightly(raw, embedded):
    page = raw("redirect")
    for wrong in (
        "{ ...hello, version: 2 }",
        "{ ...hello, source: 'x' }",
        "{ ...hello, type: 'x' }",
        "null",
        "'hello'",
    ):
        page.evaluate(f"say({wrong})")
    page.evaluate(
        """() => {
          const sibling = document.createElement("iframe");
          sibling.srcdoc = "<script>parent.frames[0].postMessage(parent.hello, '*')</" + "script>";
          document.body.append(sibling);
        }"""
    )
    page.wait_for_timeout(700)
    assert page.evaluate("said") == []
    page.evaluate("say(hello)")
    page.wait_for_function("said.length >= 3")
    said = page.evaluate("said")
    assert [it["type"] for it in said[:2]] == ["ready", "status"]
    assert {it["origin"] for it in said} == {embedded.portal}
    known = {"source", "version", "type", "origin", "stage", "status", "height"}
    assert all(set(it) <= known for it in said)


def test_two_partners_on_one_page_do_not_mix(page, embedded):
    elements = embedded.element("redirect", id="one") + embedded.element("frame", id="two")
    page.goto(embedded.site.page("shop", elements, embedded.script))
    one, two = Customer(page, "one"), Customer(page, "two")
    one.hears("ready"), two.hears("ready")
    two.fills_in()
    approve(reaches_the_camera(two, "frame"))
    two.sees_stage("approved")
    two.hears("finished")
    assert [it["stage"] for it in one.heard("status")] == ["details"]
    assert one.heard("finished") == []


def camera_for(*origins):
    named = " ".join(f'"{it}"' for it in origins)
    return f"camera=(self {named}), microphone=(self {named})"


@pytest.mark.parametrize(
    ("partner", "names_portal"), [("redirect", True), ("redirect", False), ("tab", True), ("frame", False)]
)
def test_a_page_that_shuts_the_camera_leads_to_a_tab(phone, embedded, partner, names_portal):
    shut = camera_for(embedded.portal) if names_portal else "camera=(), microphone=()"
    someone = phone(partner, Permissions_Policy=shut)
    told = someone.hears("error")
    assert (told["code"], UNUSED_PROVIDER in told["message"]) == ("camera-blocked", True)
    someone.fills_in()
    someone.sees_stage("ready")
    expect(someone.frame.locator("#status .notice h2")).to_be_visible()
    someone.page.wait_for_timeout(2500)
    assert someone.frame.locator(".hosted").count() == 0
    tab = someone.opens_a_tab()
    has_a_live_camera(arrived_at(tab))
    approve(tab)
    someone.sees_stage("approved")
    assert len(someone.heard("error")) == 1


@pytest.mark.parametrize("partner", ["redirect", "frame"])
def test_a_page_that_names_portal_and_provider_has_the_camera(customer, embedded, partner):
    policy = camera_for(embedded.portal, embedded.provider, f"https://{UNUSED_PROVIDER}")
    someone = customer(partner, Permissions_Policy=policy)
    someone.fills_in()
    has_a_live_camera(reaches_the_camera(someone, partner))
    assert someone.heard("error") == []


@pytest.mark.parametrize("partner", MODES)
def test_a_frame_written_by_hand_without_the_camera_leads_to_a_tab(raw, partner):
    page = raw(partner, allow="")
    someone = Customer(page)
    someone.frame = page.frame_locator("iframe")
    someone.fills_in()
    someone.sees_stage("ready")
    expect(someone.frame.locator("#status .notice h2")).to_be_visible()
    approve(someone.opens_a_tab())
    someone.sees_stage("approved")


def test_whoever_is_left_at_the_providers_last_page_is_brought_back(customer):
    someone = customer("redirect")
    someone.fills_in()
    place = reaches_the_camera(someone, "redirect")
    place.get_by_role("button", name="Let it expire").click()
    someone.sees_stage("expired")
    assert someone.hears("status") == {"stage": "expired", "status": "expired"}


def test_nobody_is_taken_away_from_the_camera_step(customer, embedded):
    someone = customer("redirect")
    someone.fills_in()
    place = reaches_the_camera(someone, "redirect")
    place.locator("html").evaluate("window.kept = true")
    with someone.page.expect_response("**/status"):
        pass
    someone.page.wait_for_timeout(4000)
    assert place.locator("html").evaluate("window.kept")
    assert someone.heard("status")[-1]["stage"] == "waiting"


def test_a_portal_that_is_away_for_a_moment_ends_no_camera_step(customer, embedded):
    someone = customer("redirect")
    someone.fills_in()
    place = reaches_the_camera(someone, "redirect")
    someone.page.route(f"{embedded.portal}/**", lambda route: route.abort())
    with someone.page.expect_event("requestfailed"):
        pass
    someone.page.wait_for_timeout(1000)
    assert someone.heard("error") == []
    someone.page.unroute(f"{embedded.portal}/**")
    place.get_by_role("button", name="Let it expire").click()
    someone.sees_stage("expired")


STRICT = "default-src 'none'; script-src 'self' {portal}; frame-src {portal} {provider}; connect-src {portal}"


@pytest.fixture
def failures(page):
    """Script errors, in a browser without third-party cookies and without storage."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCookieControls", {"enableThirdPartyCookieRestriction": True})
    page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage", "indexedDB"])
             Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });"""
    )
    said = []
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.mark.parametrize("partner", MODES)
def test_a_strict_policy_without_cookies_and_storage_is_enough(customer, failures, embedded, complaints, partner):
    policy = STRICT.format(portal=embedded.portal, provider=embedded.provider)
    someone = customer(partner, Content_Security_Policy=policy, more="")
    someone.fills_in()
    approve(reaches_the_camera(someone, partner))
    someone.sees_stage("approved")
    assert (someone.heard("error"), someone.page.context.cookies(), failures) == ([], [], [])
    assert not [it for it in complaints if "Content Security Policy" in it]


@pytest.mark.parametrize(
    "leaves_out", ["frame-src {portal} {provider};", "frame-src {portal} {provider}; connect-src {portal}"]
)
def test_a_policy_that_forbids_the_frame_is_named(customer, embedded, leaves_out):
    policy = STRICT.replace(leaves_out, "").format(portal=embedded.portal, provider=embedded.provider)
    someone = customer("redirect", Content_Security_Policy=policy)
    told = someone.hears("error")
    assert (told["code"], embedded.portal in told["message"]) == ("csp", True)
    expect(someone.page.locator("#kyc a")).to_be_visible()


def test_without_the_script_a_link_in_its_place_leads_on(page, embedded):
    link = embedded.invite("redirect")
    element = f'<kyc-onboarding id="kyc" src="{link}"><a href="{link}">Verify</a></kyc-onboarding>'
    instead = page.get_by_role("link", name="Verify")
    page.goto(embedded.site.page("shop", element))
    expect(instead).to_be_visible()
    page.goto(embedded.site.page("shop", element, embedded.script))
    Customer(page).hears("ready")
    expect(instead).not_to_be_visible()


def test_a_frame_that_stays_silent_has_a_link_beside_it(customer, page):
    page.route("**/portal.js*", lambda route: route.abort())
    someone = customer("tab")
    expect(someone.page.locator("#kyc a")).to_be_visible()
    someone.fills_in()
    someone.sees_stage("ready")
    assert someone.heard("error") == []


def test_another_src_begins_anew(customer, embedded):
    someone = customer("redirect")
    someone.fills_in()
    someone.sees_stage("ready")
    someone.page.locator("#kyc").evaluate("(it, src) => it.setAttribute('src', src)", embedded.invite("tab"))
    expect(someone.frame.locator("form.details")).to_be_visible()
    assert len(someone.heard("ready")) == 2


def test_taken_out_and_put_in_again_it_goes_on_where_it_was(customer):
    someone = customer("tab")
    someone.fills_in()
    someone.sees_stage("ready")
    someone.page.evaluate("window.taken = document.querySelector('#kyc'); taken.remove()")
    someone.page.wait_for_timeout(2000)
    assert someone.heard("error") == []
    someone.page.evaluate("document.body.append(taken)")
    someone.sees_stage("ready")
    approve(someone.opens_a_tab())
    someone.sees_stage("approved")


def test_a_hidden_element_stays_hidden(customer):
    someone = customer("redirect", more="hidden")
    someone.hears("ready")
    assert not someone.page.locator("#kyc").is_visible()


@pytest.mark.parametrize("partner", ["redirect", "frame"])
def test_without_javascript_links_lead_through_the_frame(browser, embedded, partner):
    frame = (
        f'<iframe src="{embedded.invite(partner)}" allow="camera *; microphone *" width="500" height="900"></iframe>'
    )
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(embedded.site.page("shop", frame))
        someone = Customer(page)
        someone.frame = page.frame_locator("iframe")
        someone.fills_in()
        someone.sees_stage("ready")
        if partner == "redirect":
            someone.way_to_camera.click()
            approve(someone.frame)
        else:
            approve(someone.opens_a_tab())
        someone.sees_stage("approved")
