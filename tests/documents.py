"""The documents, read as their readers do: by heading, table and code block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CHANGELOG = ROOT / "CHANGELOG.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
OPERATING = ROOT / "docs" / "operating.md"
PARTNERS = ROOT / "docs" / "partners.md"
SECURITY = ROOT / "docs" / "security.md"
GU1 = ROOT / "docs" / "gu1.md"
ALL = (README, CHANGELOG, *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / ".github").glob("*.md")))

_FENCED = re.compile(r"^```.*?^```\n?", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


def prose(document: Path) -> str:
    """Without code blocks."""
    return _FENCED.sub("", document.read_text("utf-8"))


def section(document: Path, heading: str) -> str:
    """From `heading`, its `#` included, to the next one of the same or a higher level."""
    _, found, below = f"\n{document.read_text('utf-8')}".partition(f"\n{heading}\n")
    assert found, f"no {heading} in {document.name}"
    level = heading.split(" ", maxsplit=1)[0].count("#")
    return re.split(rf"^#{{1,{level}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def rows(document: Path, heading: str, table: int | None = None) -> list[list[str]]:
    """The cells of the tables below `heading` without their heads; `table` counts from 0, None means all."""
    tables = re.findall(r"(?:^\|.*\n)+", section(document, heading), re.MULTILINE)
    chosen = tables if table is None else [tables[table]]
    assert chosen, f"no table below {heading}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for it in chosen for line in it.splitlines()[2:]]


def code_in(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def snippet(document: Path, heading: str, language: str) -> str:
    """The first code block of that language below `heading`."""
    found = re.search(rf"^```{language}\n(.*?)^```", section(document, heading), re.DOTALL | re.MULTILINE)
    assert found, f"no {language} below {heading}"
    return found[1]


def anchors(document: Path) -> set[str]:
    """As GitHub makes them of headings."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for _, heading in _HEADING.findall(prose(document)))
    return {it.strip().replace(" ", "-") for it in words}


def links(document: Path) -> Iterator[str]:
    yield from re.findall(r"\]\(([^)\s]+)\)", prose(document))


def documented_check():
    """`is_ours(headers, body, secrets)`, with which partners verify notifications."""
    names: dict[str, object] = {}
    exec(snippet(PARTNERS, "### Verify the signature", "python"), names)
    return names["is_ours"]
