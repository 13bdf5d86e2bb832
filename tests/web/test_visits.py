"""Who opens the hosted page: a person, and never a program that looks at links ahead of them."""

import re
import struct

import pytest

from portal.domain.stage import Stage
from portal.web.visits import is_robot
from tests.page import Page
from tests.web.conftest import token_in
from tests.web.stages import SESSION_URL, stored_as

ROBOTS = [
    "WhatsApp/2.23.20.0",
    "WhatsApp/2.2587.9 A",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "TelegramBot (like TwitterBot)",
    "Twitterbot/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "BarracudaCentral/1.0",
]
PEOPLE = [
    "Mozilla/5.0 (Linux; Android 10; CUBOT P40) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [WAiOS/2.25.10]",
    "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36 Instagram 300.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "",
]
AHEAD = [
    {"Sec-Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"X-Moz": "prefetch"},
    {"X-Purpose": "preview"},
]


@pytest.mark.parametrize("name", ROBOTS)
def test_robots_of_chats_searches_and_scanners_are_known(name):
    assert is_robot(name)


@pytest.mark.parametrize("name", PEOPLE)
def test_browsers_of_people_are_none(name):
    assert not is_robot(name)


@pytest.mark.parametrize("under", ["", "/continue"])
@pytest.mark.parametrize("name", ROBOTS)
def test_a_preview_shows_nothing_of_the_person(visitor, stored, name, under):
    path = stored(**stored_as(Stage.READY))
    page = visitor.get(path + under, headers={"User-Agent": name})
    assert page.one("meta", property="og:title")["content"]
    assert token_in(path) not in page.html
    assert page.html == visitor.get("/", headers={"User-Agent": name}).html
    assert visitor.get(path).stage == Stage.READY


def test_a_preview_has_a_picture_that_can_be_fetched_from_anywhere(visitor, ask, config):
    page = visitor.get("/", headers={"User-Agent": ROBOTS[0]})
    picture = page.one("meta", property="og:image")["content"]
    assert picture.startswith(f"{config.base_url}/static/preview.png?")
    answer = ask("GET", picture.removeprefix(config.base_url))
    width, height = struct.unpack(">II", answer.data[16:24])
    assert (answer.status_code, answer.mimetype, width, height) == (200, "image/png", 1200, 630)
    assert len(answer.data) < 20_000


@pytest.mark.asvs("3.5.3")
@pytest.mark.parametrize("headers", AHEAD)
def test_a_browser_that_fetches_ahead_opens_nothing(ask, visitor, stored, headers):
    path = stored(**stored_as(Stage.READY))
    answer = ask("GET", f"{path}/continue", headers={"Sec-Fetch-Mode": "navigate"} | headers)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (503, "no-store")
    assert visitor.get(path).stage == Stage.READY


@pytest.mark.asvs("3.5.3")
@pytest.mark.parametrize("mode", ["cors", "no-cors", "same-origin", "websocket"])
def test_a_script_that_fetches_the_way_there_opens_nothing(ask, visitor, stored, mode):
    path = stored(**stored_as(Stage.READY))
    answer = ask("GET", f"{path}/continue", headers={"Sec-Fetch-Mode": mode})
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert visitor.get(path).stage == Stage.READY


def test_an_older_browser_gets_a_button_that_opens_it_without_a_redirect(ask, visitor, stored):
    path = stored(**stored_as(Stage.READY))
    page = Page(ask("GET", f"{path}/continue"))
    assert visitor.get(path).stage == Stage.READY
    opened = visitor.post(page.one("form")["action"], page.fields)
    assert opened.status == 200
    assert opened.one("a", href=SESSION_URL)
    assert opened.one("meta", http_equiv="refresh")["content"] == f"0; url={SESSION_URL}"
    assert visitor.get(path).stage == Stage.WAITING


@pytest.mark.parametrize("program", [{"User-Agent": ROBOTS[0]}, *AHEAD])
@pytest.mark.parametrize("under", ["", "/status"])
def test_programs_do_not_count_as_the_person_at_the_page(visitor, stored, app, program, under):
    path, onboardings = stored(**stored_as(Stage.WAITING)), app.extensions["portal"].onboardings
    onboarding_id = app.extensions["portal"].access_links.onboarding_id(token_in(path))
    visitor.get(path + under, headers=program)
    onboardings.views.save()
    assert onboardings.get(onboarding_id).watched_at is None
    visitor.get(path + under)
    onboardings.views.save()
    assert onboardings.get(onboarding_id).watched_at


def test_telephones_make_no_links_of_numbers_and_no_browser_translates_them(visitor, stored):
    page = visitor.get(stored(**stored_as(Stage.WAITING)))
    assert "telephone=no" in page.one("meta", name="format-detection")["content"]
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", page.text("span", translate="no"))
