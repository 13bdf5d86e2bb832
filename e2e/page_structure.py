"""Which elements a page has, and in which surroundings, so that a few pages can stand for all."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from html.parser import HTMLParser
from itertools import pairwise

_WITHOUT_END = {"br", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.paths: list[tuple[str, ...]] = []
        """Of each element, in the order of the page: the tags and classes from the outermost to its own."""
        self.styles: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(f"{tag} {dict(attrs).get('class') or ''}")
        self.paths.append(tuple(self._open))
        if tag in _WITHOUT_END:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._open and not self._open.pop().startswith(f"{tag} "):
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1].startswith("style "):
            self.styles.append(data)


def structure(html: str) -> set[Hashable]:
    """Each element with all around it, each two that follow each other, and each style sheet."""
    elements = _Elements()
    elements.feed(html)
    return {*elements.paths, *pairwise(elements.paths), *elements.styles}


def covering(pages: Mapping[str, str]) -> list[str]:
    """Names of few pages that together have every structure of all `pages`: name → HTML."""
    structures = {name: structure(html) for name, html in pages.items()}
    missing, chosen = set[Hashable]().union(*structures.values()), []
    while missing:
        best = max(structures, key=lambda name: len(structures[name] & missing))
        missing -= structures[best]
        chosen.append(best)
    return chosen
