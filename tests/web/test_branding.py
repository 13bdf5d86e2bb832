"""A partner's name, logo and colours on its customers' pages, and on nobody else's."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from portal.app import create_app
from portal.domain.stage import Stage
from tests.factories import NOW, an_onboarding
from tests.partners import partners_file
from tests.web.conftest import HOME
from tests.web.stages import stored_as

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
LOOKS = (
    'logo = "shop.svg"\ncontact_url = "mailto:help@shop.example"\n[partners.shop.theme]\naccent = "#0055ff"\nradius = 4'
)


@pytest.fixture
def config(config, tmp_path):
    (tmp_path / "shop.svg").write_text(SVG)
    return config.model_copy(update={"partners_file": partners_file(tmp_path, shop=LOOKS)})


@pytest.fixture
def page_of(stored, visitor):
    return lambda partner: visitor.get(stored(partner=partner, external_id="c-7", **stored_as(Stage.CLOSED)))


def test_customers_see_who_sent_them_and_whom_to_ask(page_of):
    page = page_of("shop")
    assert "The shop" in page.text("p", **{"class": "brand"})
    assert any("mailto:help@shop.example" in link["href"] for link in page.all("a"))


def test_colours_come_with_the_page_and_are_allowed_by_their_content(page_of):
    page = page_of("shop")
    ours, theirs = re.findall(r"<style>(.*?)</style>", page.html)
    assert "--accent:#0055ff" in theirs and "--radius:4px" in theirs and "prefers-color-scheme:dark" in theirs
    for style in (ours, theirs):
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("accent", [None, "#0055ff"])
@pytest.mark.parametrize(("scheme", "always_dark"), [("light", False), ("dark", True)])
def test_a_partner_may_decide_between_light_and_dark(config, store, tmp_path, scheme, always_dark, accent):  # noqa: PLR0917
    theme = f'[partners.shop.theme]\nscheme = "{scheme}"\n' + (f'accent = "{accent}"' if accent else "")
    decided = config.model_copy(update={"partners_file": partners_file(tmp_path, shop=theme)})
    found = create_app(decided, clock=lambda: NOW)
    it = store.add(an_onboarding(partner="shop", external_id="c-7", **stored_as(Stage.CLOSED)))
    token = found.extensions["portal"].access_links.token(it)
    answer = found.test_client().get(f"/o/{token}", base_url=HOME)
    styles = re.findall(r"<style>(.*?)</style>", answer.text)
    queries = re.findall(r"@media ([^{]*prefers-color-scheme[^{]*)", "".join(styles))
    assert len(styles) == len(queries) == (2 if accent else 1)
    assert all(("screen," in it, "max-width:0" in it) == (always_dark, not always_dark) for it in queries)
    assert f"color-scheme:{scheme};" in styles[0]
    assert f'name="color-scheme" content="{scheme}"' in answer.text
    for style in styles:
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("name", "is_shown"), [("shop.png", True), ("shop.svg", False)])
def test_a_public_page_is_previewed_with_the_partners_name_and_logo(config, tmp_path, name, is_shown):
    (tmp_path / name).write_text(SVG)
    public = partners_file(tmp_path, shop=f'start_page = true\nlogo = "{name}"')
    visitor = create_app(config.model_copy(update={"partners_file": public})).test_client()
    answer = visitor.get("/s/shop", base_url=HOME, headers={"User-Agent": "WhatsApp/2.23"})
    shown = dict(re.findall(r'property="(og:[^"]+)"\s+content="([^"]*)"', answer.text))
    assert (shown["og:site_name"], shown["og:image:alt"], shown["og:locale"]) == ("The shop", "The shop", "pt_BR")
    assert shown["og:image"].startswith(f"{HOME}/logo/shop?v=" if is_shown else f"{HOME}/static/preview.png?")
    assert visitor.get("/s/bank", base_url=HOME, headers={"User-Agent": "WhatsApp/2.23"}).text.count("The bank") == 0


@pytest.mark.parametrize("partner", ["bank", None])
def test_nobody_elses_page_has_them(page_of, partner):
    page = page_of(partner)
    assert len(re.findall(r"<style>", page.html)) == 1 and "/logo/" not in page.html
    assert page.response.headers["Content-Security-Policy"].split("style-src")[1].count("'sha256-") == 1


@pytest.mark.asvs("1.3.4", "3.2.1")
def test_logo_is_a_picture_and_nothing_else(page_of, ask):
    src = page_of("shop").one("img", class_="logo")["src"]
    answer = ask("GET", src)
    assert (answer.status_code, answer.mimetype, answer.text) == (200, "image/svg+xml", SVG)
    assert "immutable" in answer.headers["Cache-Control"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]


@pytest.mark.asvs("5.3.2", "13.2.5")
@pytest.mark.parametrize("path", ["/logo/bank", "/logo/nobody", "/logo/../partners.toml"])
def test_no_other_file_is_a_logo(ask, path):
    assert ask("GET", path).status_code == 404


def test_link_that_ran_out_still_says_whose_it_was(ask, stored):
    answer = ask("GET", stored(partner="gone", external_id="c-7"))
    assert answer.status_code == 410 and "The gone" in answer.text
