"""Every page, in every language and both themes: accessible, and HTML that a conformance checker accepts."""

from __future__ import annotations

import re

import pytest

from e2e.page_catalogue import page_catalogue
from e2e.page_checks import axe_findings, html_findings
from e2e.page_renderer import browser_page, render
from portal.domain.locales import Locale

PARTS = 4
"""So that all workers share what takes longest."""


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    with page_catalogue(tmp_path_factory.mktemp("house")) as found:
        yield found


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("language", Locale)
def test_accessible_in_both_themes(browser, catalogue, language, part):
    wrong = {}
    with browser_page(browser) as page:
        for entry in catalogue.entries[part::PARTS]:
            render(page, catalogue, entry, language)
            wrong[entry.name] = axe_findings(page)
    assert {name: findings for name, findings in wrong.items() if findings} == {}


def test_html_conforms(catalogue, tmp_path):
    for entry in catalogue.entries:
        for language in Locale:
            name = f"{re.sub(r'[^a-z ]', '', entry.name)} {language}.html"
            (tmp_path / name).write_text(catalogue.answer(entry, language).text)
    assert html_findings(tmp_path) == {}


def test_checkers_see_what_is_wrong(page, tmp_path):
    broken = '<!DOCTYPE html><html><head><title>x</title></head><body><p><div>x</div></p><img src="x"></body></html>'
    (tmp_path / "broken.html").write_text(broken)
    page.set_content(broken)
    assert any("image-alt" in finding for finding in axe_findings(page))
    assert html_findings(tmp_path)["broken.html"]
