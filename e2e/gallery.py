"""`make gallery`: a picture of every page × language × size × theme, with the findings of the checkers."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from jinja2 import Environment
from playwright.sync_api import Browser, sync_playwright

from e2e.browser import chromium
from e2e.page_catalogue import CatalogueEntry, PageCatalogue, page_catalogue
from e2e.page_checks import axe_findings, html_findings
from e2e.page_renderer import THEMES, browser_page, render, take_picture
from e2e.servers import ROOT
from portal.domain.locales import Locale

FOLDER = ROOT / "gallery"
LEAF = Path(__file__).with_suffix(".html")
SIZES = (360, 1280)


@dataclass(frozen=True)
class Wanted:
    entries: list[CatalogueEntry]
    languages: list[str]
    sizes: list[int]
    themes: list[str]

    def languages_of(self, entry: CatalogueEntry) -> list[str]:
        return [it for it in entry.languages if it in self.languages]


@dataclass(frozen=True)
class Picture:
    page: str
    language: str
    size: str
    theme: str
    file: str
    findings: list[str]

    @property
    def facets(self) -> list[str]:
        return [self.language, self.size, self.theme]


def main() -> None:
    told, started, binary = _told(), time.monotonic(), chromium()
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "html").mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        page_catalogue(Path(folder)) as found,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=binary)
        wanted = Wanted(
            [entry for entry in found.entries if told.only in entry.name],
            told.language or list(Locale),
            told.size or list(SIZES),
            told.theme or list(THEMES),
        )
        pictures = list(_taken(browser, found, wanted, _html_findings(found, wanted)))
    environment = Environment(autoescape=True)
    environment.filters["slug"] = _slug
    facets = list(dict.fromkeys(facet for picture in pictures for facet in picture.facets))
    pages = [(name, list(row)) for name, row in groupby(pictures, key=lambda picture: picture.page)]
    leaf = environment.from_string(LEAF.read_text()).render(pages=pages, facets=facets)
    (FOLDER / "index.html").write_text(leaf)
    wrong = sum(bool(picture.findings) for picture in pictures)
    print(
        f"{len(pictures)} pictures of {len(pages)} pages in {time.monotonic() - started:.0f} s, {wrong} with findings"
    )
    print((FOLDER / "index.html").relative_to(ROOT))
    sys.exit(bool(wrong))


def _told() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m e2e.gallery", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="pages with this text in their name")
    parser.add_argument("--language", choices=[*Locale], action="append", help="default: each")
    parser.add_argument("--size", type=int, action="append", help=f"width in pixels; default: {SIZES}")
    parser.add_argument("--theme", choices=THEMES, action="append", help="default: each")
    return parser.parse_args()


def _html_findings(found: PageCatalogue, wanted: Wanted) -> dict[str, list[str]]:
    for entry in wanted.entries:
        for language in wanted.languages_of(entry):
            name = _source(entry, language)
            (FOLDER / "html" / name).write_text(found.answer(entry, language).text)
    return html_findings(FOLDER / "html")


def _taken(
    browser: Browser, found: PageCatalogue, wanted: Wanted, html_findings: dict[str, list[str]]
) -> Iterator[Picture]:
    for entry in wanted.entries:
        for size in wanted.sizes:
            with browser_page(browser, width=size, height=740 if size < 700 else 900) as page:
                for language in wanted.languages_of(entry):
                    render(page, found, entry, language)
                    source = _source(entry, language)
                    findings = axe_findings(page) + html_findings.get(source, [])
                    for theme in wanted.themes:
                        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
                        file = f"{Path(source).stem}-{size}-{theme}.png"
                        take_picture(page, FOLDER / file)
                        yield Picture(entry.name, language, f"{size} px", theme, file, findings)


def _source(entry: CatalogueEntry, language: str) -> str:
    return f"{_slug(entry.name)}-{language}.html"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


if __name__ == "__main__":
    main()
