"""The stylesheet and the pictures, as far as they can be judged without a browser."""

import gzip
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from portal.domain.stage import Mood, Stage
from tests.page_weight import FIRST_PAGE_BYTES
from tests.web.stages import SHOWN, stored_as

ROOT = Path(__file__).parent.parent.parent
CSS = (ROOT / "static" / "portal.css").read_text()
PICTURES = sorted((ROOT / "static").glob("*.svg"))
TEMPLATES = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))

STYLESHEET_BYTES = 5_000

TEXT, CONTROL = 4.5, 3.0
"""What WCAG 2.2 AA asks of text, and of what has to be seen to use a page."""

NEEDED = {
    **{("text", on): TEXT for on in ("page", "surface", "tint", "warn-tint", "wrong-tint")},
    **{("soft", on): TEXT for on in ("page", "surface", "tint", "warn-tint", "line")},
    **{("accent", on): TEXT for on in ("page", "surface", "tint", "warn-tint")},
    **{("accent-strong", on): TEXT for on in ("page", "surface", "tint")},
    **{("on-accent", on): TEXT for on in ("accent", "accent-strong")},
    **{("warn", on): TEXT for on in ("surface", "warn-tint")},
    **{("wrong", on): TEXT for on in ("surface", "wrong-tint")},
    **{("field", on): CONTROL for on in ("page", "surface", "tint")},
}


def tokens(block):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


LIGHT = tokens(CSS[: CSS.index("@media")])
DARK = LIGHT | tokens(CSS[CSS.index("color-scheme: dark") : CSS.index("prefers-contrast")])
THEMES = {"light": LIGHT, "dark": DARK}


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_wcag_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("pair", NEEDED, ids="-on-".join)
def test_colours_can_be_told_apart(theme, pair):
    ink, ground = (THEMES[theme][name] for name in pair)
    assert contrast(ink, ground) >= NEEDED[pair]


def test_the_dark_theme_changes_every_colour():
    assert all(LIGHT[name] != DARK[name] for name in LIGHT)


def test_colours_are_tokens():
    policy = re.sub(r"--[\w-]+: [^;]+;", "", CSS)
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\([^)]*\)", policy)) <= {"#fff"}  # under a QR code, in any theme


def test_everything_styled_is_somewhere():
    styled = set(re.findall(r"\.(-?[a-z_][\w-]*)", re.sub(r"url\([^)]*\)|/\*.*?\*/", "", CSS, flags=re.DOTALL)))
    named = TEMPLATES + (ROOT / "static" / "portal.js").read_text()
    of_stages = {f"art--{stage.facts.picture}" for stage in Stage} | {f"sign--{mood}" for mood in Mood}
    assert {name for name in styled - of_stages if name not in named} == set()


def test_every_stage_has_a_picture(visitor, stored):
    pictures = dict(re.findall(r"\.art--(\w+)(?=[^{}]*\{ --art: url\(([\w-]+\.svg)\))", CSS))
    for stage in SHOWN:
        shown = next(found["class"] for found in visitor.get(stored(**stored_as(stage))).all("span") if is_sign(found))
        picture = Stage(stage).facts.picture
        assert f"art--{picture}" in shown.split()
        assert (ROOT / "static" / pictures[picture]).exists()


def is_sign(attributes):
    return "sign" in attributes.get("class", "").split()


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_pictures_stand_alone(picture):
    """Firefox applies the page's policy to them, so they hold no style and name no other file."""
    tree = ElementTree.fromstring(picture.read_text())
    names = {element.tag.split("}")[1] for element in tree.iter()}
    assert not names & {"style", "script", "image", "use", "foreignObject"}
    assert not [name for element in tree.iter() for name in element.attrib if "href" in name or name == "style"]


@pytest.mark.parametrize("stage", [None, *SHOWN])
def test_pictures_keep_their_place_while_they_load(visitor, stored, stage):
    page = visitor.get(stored(**stored_as(stage)) if stage else "/")
    assert all(image.get("width") and image.get("height") for image in page.all("img"))


def test_the_stylesheet_is_small(app):
    assert len(gzip.compress(app.jinja_env.globals["stylesheets"]["auto"].encode(), 9)) <= STYLESHEET_BYTES


@pytest.mark.parametrize("language", ["es-AR", "es", "pt-BR", "en"])
def test_the_first_page_is_light(ask, visitor, language):
    address = f"/?lang={language}"
    files = [found["src"] for found in visitor.get(address).all("script") if "src" in found]
    sent = {it: len(ask("GET", it, headers={"Accept-Encoding": "gzip"}).data) for it in (address, *files)}
    assert len(files) >= 1
    assert sum(sent.values()) <= FIRST_PAGE_BYTES, sent
