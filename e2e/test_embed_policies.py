"""The embed script in Chromium and Firefox: each way to load it, and each page that it cannot work on."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from e2e.browser import CHROMIUM, FIREFOX
from e2e.embedding_sites import Customer, embedding_sites
from tests.documents import PARTNERS, snippet

SCRIPTS = {
    "classic": '<script src="{portal}/embed.js"></script>',
    "async": '<script src="{portal}/embed.js" async></script>',
    "module": '<script type="module" src="{portal}/embed.js"></script>',
    "import": '<script type="module">await import("{portal}/embed.js")</script>',
    "pinned": snippet(PARTNERS, "### A version that never changes", "html").replace(
        "https://verify.example.com", "{portal}"
    ),
}
LINK = '<a href="{src}">Verify</a>'
SOON = 'timeout="700"'


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def open_page(request, playwright, tmp_path_factory):
    if request.param == "chromium":
        with playwright.chromium.launch(executable_path=CHROMIUM.path_or_skip()) as browser:
            yield browser.new_page
        return
    profile = tmp_path_factory.mktemp("profile")
    firefox = playwright.firefox.launch_persistent_context(
        profile, channel="moz-firefox", executable_path=FIREFOX.path_or_skip()
    )
    with firefox as context:
        yield context.new_page


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    with embedding_sites(tmp_path_factory.mktemp("embedding")) as running:
        yield running
        running.environment.judge()


@pytest.fixture
def page(open_page):
    opened = open_page()
    opened.complaints = []
    opened.on("console", lambda it: it.type in {"error", "warning"} and opened.complaints.append(it.text))
    yield opened
    opened.close()


@pytest.fixture
def shows(page, embedded):
    def shows(*, kind="async", src=None, at="shop", **headers):
        src = src or embedded.invite("tab")
        element = f'<kyc-onboarding id="kyc" src="{src}" {SOON}>\n{LINK.format(src=src)}</kyc-onboarding>'
        script = '<script src="/heard.js"></script>' + SCRIPTS[kind].format(portal=embedded.portal)
        page.goto(embedded.site.page(at, element, script, **headers))
        return Customer(page)

    return shows


def attributes(page):
    return page.locator("#kyc").evaluate("it => [...it.attributes].map(({ name }) => name)")


@pytest.mark.parametrize("kind", SCRIPTS)
def test_however_it_is_loaded_it_shows_the_frame_and_nothing_in_the_console(shows, page, kind, record_property):
    someone = shows(kind=kind)
    someone.hears("ready")
    assert (attributes(page), page.complaints) == (["id", "src", "timeout"], [])
    expect(page.get_by_role("link", name="Verify")).not_to_be_visible()
    record_property("none", "frame")


POLICIES = {
    "sandbox": ("sandbox", {"Content_Security_Policy": "sandbox allow-scripts"}),
    "sandbox without forms": ("sandbox", {"in_a": "sandbox='allow-scripts allow-same-origin'"}),
    "embedder policy": ("coep", {"Cross_Origin_Embedder_Policy": "require-corp"}),
    "isolation": (
        "coep",
        {"Cross_Origin_Embedder_Policy": "require-corp", "Cross_Origin_Opener_Policy": "same-origin"},
    ),
    "refused": ("refused", {"at": "stranger"}),
    "other page of the portal": ("bad-src", {"src": "{portal}/privacy"}),
    "no page": ("bad-src", {"src": "https://"}),
    "other site": ("bad-src", {"src": "https://other.example/o/x"}),
    "unknown link": ("expired", {"src": "{portal}/o/nothing"}),
}


@pytest.mark.parametrize("kind", [it if it == "async" else pytest.param(it, marks=pytest.mark.slow) for it in SCRIPTS])
def test_where_the_frame_cannot_be_the_link_is_and_the_reason_is_right(shows, page, embedded, kind, record_property):
    for name, (code, changes) in POLICIES.items():
        box = changes.get("in_a")
        options = {key: it.format(portal=embedded.portal) for key, it in changes.items() if key != "in_a"}
        someone = shows(kind=kind, **options)
        place = page
        if box:
            outer = embedded.site.page("shop", f'<iframe src="{page.url}" {box}></iframe>')
            page.goto(outer)
            place = page.frame_locator("iframe")
            expect(place.get_by_role("link", name="Verify")).to_be_visible()
            assert place.locator("html").evaluate("heard.map((it) => it[2].code)") == [code]
            record_property(name, code)
            continue
        assert someone.hears("error")["code"] == code, name
        expect(place.get_by_role("link", name="Verify")).to_be_visible()
        assert page.locator("#kyc iframe").count() == 0, name
        record_property(name, code)


def test_another_src_helps_and_an_equal_one_changes_nothing(shows, page, embedded):
    link = embedded.invite("tab")
    someone = shows(src=f"{embedded.portal}/privacy")
    someone.hears("error")
    page.evaluate("(src) => { kyc.src = src }", link)
    someone.hears("ready")
    page.evaluate("(src) => { kyc.src = src; kyc.setAttribute('src', src); kyc.lang = ''; kyc.theme = '' }", link)
    page.wait_for_timeout(300)
    assert len(someone.heard("ready")) == 1
    assert page.evaluate("kyc.src") == link


SCHEME = "() => [document.documentElement.lang, getComputedStyle(document.body).getPropertyValue('--page').trim()]"


def test_language_and_theme_follow_the_element(shows, page):
    someone = shows()
    someone.hears("ready")
    look = someone.frame.locator("html")
    light = look.evaluate(SCHEME)[1]
    page.evaluate("kyc.theme = 'dark'")
    expect(look).to_have_css("color-scheme", "dark")
    dark = look.evaluate(SCHEME)[1]
    page.evaluate("kyc.lang = 'pt'")
    expect(look).to_have_attribute("lang", "pt-BR")
    expect(look).to_have_css("color-scheme", "dark")
    page.evaluate("kyc.theme = 'auto'")
    expect(look).to_have_css("color-scheme", "light")
    page.evaluate("document.documentElement.style.colorScheme = 'dark'; kyc.theme = ''; kyc.theme = 'auto'")
    expect(look).to_have_css("color-scheme", "dark")
    assert look.evaluate(SCHEME) == ["pt-BR", dark] != ["pt-BR", light]
    assert page.complaints == []
