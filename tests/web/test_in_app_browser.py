"""Browsers inside other apps, by the names that they go by in the wild."""

import time

import pytest

from portal.domain.locales import Locale
from portal.domain.stage import Stage
from portal.partners.registry import new_signing_secret
from portal.web.in_app_browser import APPS, WAYS_OUT, Exit, recognised
from tests.web.conftest import HOME
from tests.web.stages import SHOWN, ready_again, stored_as

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPAD = "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
WEBVIEW = (
    "Mozilla/5.0 (Linux; Android 13; SM-A536E Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/125.0.6422.165 Mobile Safari/537.36"
)
ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
FB_TAIL = "FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.4;FBSS/3;FBID/phone;FBLC/es_LA;FBOP/5;FBRV/0]"
TIKTOK_TAIL = "JsSdk/1.0 NetType/WIFI Channel/googleplay AppName/musical_ly app_version/34.0.2 ByteLocale/es"

INSIDE = [
    (f"{IPHONE} Mobile/15E148 Instagram 334.0.4.32.98 (iPhone15,2; iOS 17_5_1; es_AR; es; scale=3.00)", "Instagram"),
    (f"{WEBVIEW} Instagram 334.0.0.42.95 Android (33/13; 450dpi; 1080x2177; samsung; SM-A536E; pt_BR)", "Instagram"),
    (f"{IPHONE} Mobile/21E219 [FBAN/FBIOS;FBAV/463.1.0.37.107;FBBV/588653534;{FB_TAIL}", "Facebook"),
    (f"{WEBVIEW} [FB_IAB/FB4A;FBAV/465.0.0.61.83;]", "Facebook"),
    (f"{IPHONE} Mobile/15E148 Safari/604.1 [FBAN/FBIOS;FBAV/570.0.0.54.72;]", "Facebook"),
    (f"{IPHONE} Mobile/15E148 [FBAN/MessengerForiOS;FBAV/457.0.0.45.110;{FB_TAIL}", "Messenger"),
    (f"{WEBVIEW} [FB_IAB/Orca-Android;FBAV/459.0.0.46.109;]", "Messenger"),
    (f"{IPHONE} Mobile/15E148 musical_ly_34.0.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/en", "TikTok"),
    (f"{WEBVIEW} trill_340002 {TIKTOK_TAIL} BytedanceWebview/d8a21c6", "TikTok"),
    (f"{IPHONE} Mobile/15E148 Safari Line/14.9.0", "LINE"),
    (f"{WEBVIEW} Line/14.9.0/IAB", "LINE"),
    (f"{IPHONE} Mobile/21G93 Twitter for iPhone/10.64.1", "X"),
    (f"{WEBVIEW} TwitterAndroid", "X"),
    (f"{IPHONE} Mobile/15E148 [LinkedInApp]/9.29.8962", "LinkedIn"),
    (f"{IPHONE} Mobile/15E148 Safari/604.1 [LinkedInApp]/9.78.4909", "LinkedIn"),
    (f"{WEBVIEW} [LinkedInApp]/2.312.70", "LinkedIn"),
    (f"{IPHONE} Mobile/15E148 Snapchat/12.86.0.37 (like Safari/8618.2.12.11.6, panda)", "Snapchat"),
    (f"{WEBVIEW} Snapchat/12.85.0.37 (SM-A536E; Android 13#A536EXXS9DXB1#33; gzip; )", "Snapchat"),
    (f"{IPHONE} Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/es", "WeChat"),
    (f"{WEBVIEW} XWEB/1250051 MMWEBSDK/20240404 MicroMessenger/8.0.49.2600(0x28003133) NetType/WIFI", "WeChat"),
    (f"{IPHONE} Version/26.0.1 Mobile/15E148 Safari/604.1 [WAiOS/2.25.31]", "WhatsApp"),
    (f"{ANDROID} Chrome/141.0.7390.124 Mobile Safari/537.36 [WA4A/2.25.32.75;]", "WhatsApp"),
    (f"{IPHONE} Mobile/22G100 Safari/604.1 MetaIAB Facebook", "Facebook"),
    (f"{IPHONE} Mobile/22G100 Safari/604.1 MetaIAB", "Facebook"),
    (f"{IPHONE} Mobile/22G100 Safari/604.1 MetaIAB Instagram", "Instagram"),
    (f"{IPHONE} Mobile/22G100 Safari/604.1 MetaIAB Messenger", "Messenger"),
    (
        f"{IPHONE} Mobile/22F76 Instagram 393.1.0.36.70 (iPhone15,3; iOS 18_5; IABMV/1; 776538208) Safari/604.1",
        "Instagram",
    ),
    (f"{WEBVIEW} Barcelona 355.0.0.39.109 Android (34/14; 420dpi)", "Threads"),
    (f"{IPHONE} Mobile/15E148 Safari/604.1 musical_ly_41.9.0", "TikTok"),
    (f"{IPHONE} Mobile/15E148 {{useragents: [LinkedInApp]/9.30.1753", "LinkedIn"),
    (
        f"{ANDROID} Chrome/126.0.0.0 Mobile Safari/537.36 Telegram-Android/11.7.4 (Samsung SM-G965N; LOW)",
        "Telegram",
    ),
    (f"{WEBVIEW} MercadoLibre-Android/10.507.1 (Pixel 7 Pro; Android 13; Build/TQ3A.230901.001)", "Mercado Libre"),
    (f"{IPHONE} Mobile/15E148 MercadoLibre-iOS/10.557.1 (iPhone 8; iOS 16.7.12)", "Mercado Libre"),
    (f"{WEBVIEW} MercadoPago-Android/2.206.0 (A910; Android 13)", "Mercado Pago"),
    (f"{IPHONE} Mobile/15E148 [Pinterest/iOS]", "Pinterest"),
    (f"{WEBVIEW} Reddit/Version 2026.23.0/Build 2623040/Android 15", "Reddit"),
    (f"{IPHONE} GSA/334.0.674067880 Mobile/15E148 Safari/604.1", "Google"),
    (f"{ANDROID} Chrome/140.0.0.0 Mobile Safari/537.36 GSA/15.30.0.28.arm64", "Google"),
    (f"{IPHONE} Mobile/15E148", None),
    (f"{IPAD} Mobile/15E148", None),
    (f"{WEBVIEW} GSA/15.22.38.28.arm64", "Google"),
    (WEBVIEW, None),
]

BROWSERS = [
    f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1",
    f"{IPHONE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
    f"{IPHONE} FxiOS/127.0 Mobile/15E148 Safari/605.1.15",
    f"{IPHONE} EdgiOS/125.0.2535.96 Version/17.0 Mobile/15E148 Safari/604.1",
    f"{IPHONE} Version/17.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
    f"{IPAD} Version/16.6 Mobile/15E148 Safari/604.1",
    f"{MAC} Version/17.5 Safari/605.1.15",
    f"{ANDROID} Chrome/125.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    f"{ANDROID} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0",
    f"{ANDROID} Chrome/125.0.0.0 Mobile Safari/537.36 OPR/82.0.0.0",
    f"{ANDROID} Version/4.0 Chrome/125.0.0.0 Mobile DuckDuckGo/5 Safari/537.36",
    f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    f"{ANDROID.replace('Pixel 8', 'Moto G (4)')} Chrome/119.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "WhatsApp/2.23.20.0",
    "curl/8.5.0",
    "",
]

NAMES = {app.name for app in APPS}


PARTNER = """
[partners.{slug}]
name = "{slug}"
prefix_external_ids = true
signing_secrets = ["{secret}"]
"""


@pytest.fixture
def config(config, tmp_path):
    path = tmp_path / "partners.toml"
    bank, shop = (PARTNER.format(slug=slug, secret=new_signing_secret()) for slug in ("bank", "shop"))
    path.write_text(f'{bank}{shop}webview = "ShopApp/"\n')
    return config.model_copy(update={"partners_file": path})


def short(user_agent):
    return str(user_agent)[-40:]


@pytest.fixture
def speaking(app):
    return lambda lang: app.test_request_context(f"/?lang={lang}", base_url=HOME)


@pytest.mark.parametrize(("user_agent", "name"), INSIDE, ids=short)
def test_browsers_inside_apps_are_recognised(speaking, user_agent, name):
    with speaking("en"):
        found = recognised(user_agent)
    assert found
    assert found.app == name
    assert ("Safari" if "like Mac OS X" in user_agent else "Chrome") in found.way_out


def test_each_app_is_tried():
    assert {name for _, name in INSIDE} == {app.name for app in APPS}


@pytest.mark.parametrize("user_agent", BROWSERS, ids=short)
def test_browsers_are_left_alone(visitor, user_agent):
    assert recognised(user_agent) is None
    assert "in-app" not in visitor.get("/", headers={"User-Agent": user_agent}).html


@pytest.mark.parametrize("place", Exit)
def test_each_way_out_is_told_in_each_language(speaking, place):
    told = set()
    for lang in Locale:
        with speaking(lang):
            told.add(str(WAYS_OUT[place]) % {"browser": "Chrome"})
    assert len(told) == len(Locale)


def named(user_agent):
    return {"User-Agent": user_agent}


@pytest.mark.parametrize("lang", Locale)
@pytest.mark.parametrize("user_agent", [INSIDE[0][0], INSIDE[-1][0]], ids=short)
def test_the_way_out_comes_before_the_form(visitor, lang, user_agent):
    page = visitor.get(f"/?lang={lang}", headers=named(user_agent))
    assert page.html.index('id="in-app-title"') < page.html.index("<form")
    assert page.one("input", id="in-app-link")["value"] == f"{HOME}/?lang={lang}"
    assert page.all("button", type="submit")


def test_an_invited_person_is_told_at_their_own_link(visitor, stored):
    path = stored(**stored_as(Stage.DETAILS))
    page = visitor.get(path, headers=named(INSIDE[0][0]))
    assert page.one("input", id="in-app-link")["value"] == HOME + path


def test_a_wrong_form_still_tells(visitor):
    fields = visitor.get("/").fields
    page = visitor.post("/", fields, headers=named(INSIDE[0][0]))
    assert page.status == 400
    assert page.one("input", id="in-app-link")


@pytest.mark.parametrize("stage", SHOWN)
def test_later_it_is_told_while_the_camera_is_still_to_come(visitor, stored, stage):
    page = visitor.get(stored(**stored_as(stage)) + "?via=qr", headers=named(INSIDE[0][0]))
    told = bool(page.all("input", id="in-app-link"))
    assert told == (stage in {Stage.PREPARING, Stage.READY, Stage.ABANDONED})
    assert not told or page.one("input", id="in-app-link")["value"].endswith("?via=qr")


def test_nobody_is_sent_to_a_camera_that_may_not_open(visitor, stored):
    path = stored(**ready_again())
    answer = visitor.get(f"{path}/status?part=status", headers=named(INSIDE[0][0]))
    assert answer.leads_to is None
    assert answer.one("a", href=f"{path}/continue")


def test_android_opens_the_browser_with_one_tap(visitor, stored):
    path = stored(**stored_as(Stage.READY))
    android = {"User-Agent": f"{ANDROID} Chrome/141.0.7390.124 Mobile Safari/537.36 [WA4A/2.25.32.75;]"}
    for _ in range(2):  # also when it is the page that was kept
        way = visitor.get(path, headers=android).one("a", id="in-app-open")
        link = way["href"]
        assert way["target"] == "_top"  # also from a partner's frame
        scheme, host = HOME.split("://")
        assert link == (
            f"intent://{host}{path}#Intent;scheme={scheme};action=android.intent.action.VIEW;"
            f"category=android.intent.category.BROWSABLE;S.browser_fallback_url={HOME}{path};end"
        )


@pytest.mark.parametrize(
    "user_agent",
    [
        f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B)",
        f"{MAC} MicroMessenger/6.8.0(0x16080000) NetType/WIFI MacWechat/3.8.9",
        "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile MicroMessenger/8.0.49",
    ],
    ids=short,
)
def test_others_than_androids_get_words_and_no_address_that_opens_nothing(visitor, stored, user_agent):
    page = visitor.get(stored(**stored_as(Stage.READY)), headers=named(user_agent))
    assert page.one("input", id="in-app-link")
    assert not page.all("a", id="in-app-open")


def test_nothing_is_printed_inside_an_app(visitor, stored):
    path = stored(**stored_as(Stage.READY))
    for headers, offered in ((named(INSIDE[0][0]), False), (named(BROWSERS[0]), True)):
        assert any("data-print" in it for it in visitor.get(path, headers=headers).all("button")) is offered


def test_iphones_are_told_where_the_apps_menu_is(visitor):
    page = visitor.get(
        "/?lang=en", headers=named(f"{IPHONE} Version/26.0.1 Mobile/15E148 Safari/604.1 [WAiOS/2.25.31]")
    )
    assert "Tap the share icon or the compass" in page.html
    assert not page.all("a", id="in-app-open")


@pytest.mark.parametrize("user_agent", [WEBVIEW, f"{IPHONE} Mobile/15E148", INSIDE[0][0]], ids=short)
def test_partners_own_app_is_none(visitor, stored, user_agent):
    for partner, is_inside in (("shop", False), ("bank", True)):
        path = stored(partner=partner, external_id=partner, **stored_as(Stage.READY))
        for _ in range(2):
            page = visitor.get(path, headers=named(f"{user_agent} ShopApp/7.1"))
            assert bool(page.all("input", id="in-app-link")) is is_inside
            assert page.all("a", href=f"{path}/continue")
        assert visitor.get(path, headers=named(user_agent)).all("input", id="in-app-link")


@pytest.mark.parametrize("again", ["(iPhone", "(Linux;", "; wv", "Safari/", "(iPhone) AppleWebKit/"])
def test_a_long_name_takes_no_time(again):
    began = time.perf_counter()
    recognised(again * 20_000)
    assert time.perf_counter() - began < 0.1
