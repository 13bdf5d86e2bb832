"""What the first page weighs with everything that it loads, compressed as a browser gets it; and the embed script."""

from __future__ import annotations

import re

import httpx

from e2e.bench.speed.part import Terms
from e2e.bench.speed.sides import ground
from e2e.bench.speed.tables import Table
from tests.local_http import LOCAL

_LOADED = re.compile(r'<(?:link|script|img)\b[^>]*?\b(?:href|src)="(/[^"#]+)"')
_PAGES = re.compile(r'rel="(?:canonical|alternate)"')
PAGE_GOAL, SCRIPT_GOAL = 28, 3
_ENCODINGS = "gzip, deflate, br, zstd"


def weight(terms: Terms) -> list[Table]:
    table = Table("weight", ("what", "compressed", "goal", "parts"))
    with ground(terms.folder / "weight", terms.databases[0], workers=1) as here:
        page = httpx.get(here.portal.url, **LOCAL).text
        paths = ["/", *sorted({it[1] for it in _LOADED.finditer(page) if not _PAGES.search(it[0])})]
        sizes = {path: _compressed(here.portal.url + path) for path in paths}
        script = _compressed(here.portal.url + "/embed.js")
    whole = sum(sizes.values())
    parts = ", ".join(f"`{re.sub(r'[?].*', '', path)}` {size:,}" for path, size in sizes.items())
    table.add("first page complete", f"{whole / 1024:.1f} KB", f"≤ {PAGE_GOAL} KB", parts, sizes=sizes)
    table.add("embed script", f"{script / 1024:.1f} KB", f"≤ {SCRIPT_GOAL} KB", "", size=script)
    table.notes.append("Bodies only: static files with Brotli, pages with gzip.")
    return [table]


def _compressed(url: str) -> int:
    with httpx.stream("GET", url, headers={"Accept-Encoding": _ENCODINGS}, **LOCAL) as answer:
        answer.raise_for_status()
        return sum(map(len, answer.iter_raw()))
