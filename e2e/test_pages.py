"""Every page is accessible in both themes, holds larger and wider text, and is valid HTML.

The markup is the same in every language, and pages share most of it: `make test` looks in a browser at pages that
together have every element in all its surroundings, each in one language by turns, and `make test-all` at every page in
every language.
"""

from __future__ import annotations

import re
from itertools import product

import pytest
from playwright.sync_api import expect

from e2e.page_catalogue import page_catalogue
from e2e.page_checks import axe_findings, html_findings, policy_findings, reflow_findings
from e2e.page_renderer import THEMES, browser_page, render
from e2e.page_structure import covering
from portal.domain.locales import Locale

PARTS = 4
"""So that all workers share the slowest test."""
LANGUAGES = list(Locale)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    with page_catalogue(tmp_path_factory.mktemp("catalogue")) as found:
        yield found


@pytest.fixture(scope="module")
def different(catalogue):
    """Pages that together have every structure."""
    entries = {it.name: it for it in catalogue.entries}
    return [
        entries[name] for name in covering({name: catalogue.answer(it, "es-AR").text for name, it in entries.items()})
    ]


@pytest.mark.parametrize("part", range(PARTS))
def test_accessible_in_both_themes(browser, catalogue, different, part):
    wrong = {}
    with browser_page(browser) as page:
        for number, entry in enumerate(different[part::PARTS]):
            render(page, catalogue, entry, LANGUAGES[number % len(LANGUAGES)])
            wrong[entry.name] = axe_findings(page) + reflow_findings(page)
    assert {name: findings for name, findings in wrong.items() if findings} == {}


def test_valid_html(catalogue, tmp_path):
    for number, entry in enumerate(catalogue.entries):
        answer = catalogue.answer(entry, LANGUAGES[number % len(LANGUAGES)])
        (tmp_path / f"{re.sub(r'[^a-z ]', '', entry.name)}.html").write_text(answer.text)
    assert html_findings(tmp_path) == {}


@pytest.mark.slow
@pytest.mark.parametrize("language", Locale)
def test_accessible_and_valid_html_in_every_language(browser, catalogue, tmp_path, language):
    wrong = {}
    with browser_page(browser) as page:
        for entry in catalogue.entries:
            answer = render(page, catalogue, entry, language)
            wrong[entry.name] = axe_findings(page) + reflow_findings(page)
            (tmp_path / f"{re.sub(r'[^a-z ]', '', entry.name)}.html").write_text(answer.text)
    assert {name: findings for name, findings in wrong.items() if findings} == {}
    assert html_findings(tmp_path) == {}


OWN_SCRIPTS = "script-src 'self': 'self' can be problematic if you host JSONP, AngularJS or user uploaded files."
"""What the evaluator says of the best of policies with 'self'. The portal hosts none of the three."""


def test_nothing_is_found_in_the_policy_of_any_page(catalogue):
    pages = [it for it in catalogue.entries if it.shown_by != "mails"]
    policies = {it.name: catalogue.answer(it, "es-AR").headers["Content-Security-Policy"] for it in pages}
    found = dict(zip(policies, policy_findings([*policies.values()]), strict=True))
    assert {name: it for name, it in found.items() if it not in ([], [OWN_SCRIPTS])} == {}
    assert policy_findings(["script-src 'self' 'unsafe-inline'"])[0] != [OWN_SCRIPTS]


LONGEST_FORM = 1260
"""Pixels on a phone, with the foot, in a font that is wider than phones' own."""


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800)])
def test_form_begins_in_sight_and_is_short_on_a_phone(browser, catalogue, width, height):
    forms = [it for it in catalogue.entries if it.name in {"form", "a partner's customer, to the form"}]
    assert len(forms) == 2
    with browser_page(browser, width=width, height=height) as page:
        for entry, language in product(forms, Locale):
            render(page, catalogue, entry, language)
            shown = f"{entry.name} in {language}"
            expect(page.locator("[name=country]"), shown).to_be_in_viewport(ratio=1)
            tall = page.evaluate("document.documentElement.scrollHeight")
            assert width > 360 or tall <= LONGEST_FORM, f"{shown}: {tall}"


def test_text_in_a_partners_frame_keeps_away_from_the_edge_where_the_edge_is_seen(browser, catalogue):
    form = next(it for it in catalogue.entries if it.name == "a partner's customer, to the form")
    with browser_page(browser, width=328) as page:
        render(page, catalogue, form, "es-AR")
        page.evaluate("document.documentElement.classList.add('embedded')")
        heading = page.get_by_role("heading", level=1)
        assert heading.bounding_box()["x"] < 8, "the partner's page has margins of its own"
        page.emulate_media(color_scheme="dark")
        assert heading.bounding_box()["x"] >= 16


@pytest.mark.parametrize(
    ("language", "at", "said"),
    [
        ("es-AR", "2026-03-02T23:59Z", "20:59"),
        ("es-AR", "2026-03-03T12:00Z", "mañana, 09:00"),
        ("es", "2026-03-03T03:30Z", "mañana, 0:30"),
        ("pt-BR", "2026-03-03T12:00Z", "amanhã, 09:00"),
        ("en", "2026-03-03T12:00Z", "tomorrow, 9:00 AM"),
        ("en", "2026-03-06T12:00Z", "Friday, 9:00 AM"),
        ("es", "2026-03-06T12:00Z", "viernes, 9:00"),
        ("es-AR", "2026-03-12T12:00Z", "jueves, 12 de marzo, 09:00"),
        ("pt-BR", "2026-03-12T12:00Z", "quinta-feira, 12 de março, 09:00"),
    ],
)
def test_time_that_is_not_today_names_its_day(browser, catalogue, language, at, said):
    later = next(it for it in catalogue.entries if it.name == "closed for now")
    with browser_page(browser) as page:
        render(page, catalogue, later, language)
        shown = page.locator("#status time")
        expect(shown).to_have_attribute("data-clock", re.compile("^.{5,}"))
        shown.evaluate("(it, at) => { it.dateTime = at; dispatchEvent(new Event('htmx:after:swap')) }", at)
        assert shown.get_attribute("data-clock").replace("\u202f", " ").replace("\u00a0", " ") == said


FOCUSED = """() => {
    const it = document.activeElement;
    if (it === document.body) return null;
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    const light = (color) => {
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((it) =>
            it / 255 <= 0.04045 ? it / 255 / 12.92 : ((it / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    let behind = it.parentElement;
    while (behind.parentElement && getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)")
        behind = behind.parentElement;
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(it);
    const lights = [light(outlineColor), light(getComputedStyle(behind).backgroundColor)].sort((a, b) => b - a);
    const { left, right, top, bottom } = it.getBoundingClientRect();
    // Inside of rounded corners, and of each line of a link that is broken.
    const { x, width } = it.getClientRects()[0];
    const points = [top + 3, (top + bottom) / 2, bottom - 3].map((y) => [x + width / 2, y]);
    const seen = points.map(([x, y]) => document.elementFromPoint(x, y));
    const bar = document.querySelector(".action--sticky");
    const place = bar && !bar.contains(it) && bar.getBoundingClientRect();
    const under = place && bottom > place.top + 1 && top < place.bottom - 1;
    return {
        name: it.outerHTML.slice(0, 90),
        outline: outlineStyle === "none" ? 0 : parseFloat(outlineWidth),
        contrast: lights[0] / lights[1],
        inside: left > -1 && right < innerWidth + 1 && top > -1 && bottom < innerHeight + 1,
        top, bottom, height: innerHeight,
        covered: under || !seen.every((on) => it === on || it.contains(on) || on?.contains(it)),
    };
}"""
LINKS_ABOVE_THE_BAR = """() => {
    const bar = document.querySelector(".action--sticky");
    for (const it of bar ? document.querySelectorAll("#status p, #status li") : [])
        if (it.compareDocumentPosition(bar) & Node.DOCUMENT_POSITION_FOLLOWING)
            it.insertAdjacentHTML("beforeend", ' <a href="#x">x</a>');
}"""
"""No text above the bar has a link today. One that comes must not be covered either."""
TABBED = {
    "form": 10,
    "ready": 5,
    "rejected: registry_card_outdated": 6,
    "rejected by a person": 4,
    "on hold for a number that may be mistyped": 4,
}
"""Page → how many places Tab stops at, at least."""


@pytest.mark.parametrize("theme", THEMES)
def test_focus_is_seen_and_never_under_the_bar_at_the_bottom(browser, catalogue, theme):
    entries = {it.name: it for it in catalogue.entries}
    with browser_page(browser, theme=theme) as page:
        for name, least in TABBED.items():
            render(page, catalogue, entries[name], "es-AR")
            page.evaluate(LINKS_ABOVE_THE_BAR)
            stops = []
            for key in ("Tab", "Shift+Tab"):  # upwards too, where the page scrolls the other way
                page.locator("body").evaluate("() => document.activeElement.blur()")
                page.evaluate("scrollTo(0, document.body.scrollHeight)" if key != "Tab" else "scrollTo(0, 0)")
                for _ in range(40):
                    page.keyboard.press(key)
                    stop = page.evaluate(FOCUSED)
                    if stop is None:
                        break
                    stops.append(stop)
            assert len(stops) >= 2 * least, name
            for stop in stops:
                assert stop["outline"] >= 2 and stop["contrast"] >= 3, (name, stop)
                assert stop["inside"] and not stop["covered"], (name, stop)


def test_few_pages_stand_for_all():
    one = "<style>a</style><main><p class='x'>Hello</p><br><ul><li>1</li></ul></main>"
    pages = {"one": one, "other words": one.replace("Hello", "Bye"), "less": one.replace("<br>", "")}
    pages |= {"class": one.replace("x", "y"), "colours": one.replace("style>a", "style>b")}
    pages |= {
        "surroundings": one.replace("main", "aside"),
        "order": "<main><ul><li>1</li></ul><p class='x'>Hello</p></main>",
    }
    chosen = covering(pages)
    assert {"less", "class", "colours", "surroundings", "order"} < set(chosen)
    assert len({"one", "other words"} & set(chosen)) == 1


def test_checkers_see_what_is_wrong(page, tmp_path):
    broken = '<!DOCTYPE html><html><head><title>x</title></head><body><p><div>x</div></p><img src="x"></body></html>'
    (tmp_path / "broken.html").write_text(broken)
    page.set_content(broken)
    assert any("image-alt" in finding for finding in axe_findings(page))
    assert html_findings(tmp_path)["broken.html"]
    page.set_content('<p style="height: 1em; overflow: hidden">text</p><p style="width: 90em">text</p>')
    assert {finding.partition(":")[0] for finding in reflow_findings(page)} == {"text spacing", "200 % text"}
