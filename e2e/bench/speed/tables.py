"""What a part of the bench found: as text, as Markdown, and as JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass
class Table:
    name: str
    """Of the part; the document has a place with this name."""
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    """The numbers behind the rows, unrounded."""

    def add(self, *cells: str, **figures: Any) -> None:
        self.rows.append(cells)
        self.figures.append({"row": cells[0], **figures})

    def text(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([f"\n{self.name}", *(line.rstrip() for line in shown), *self.notes])

    def markdown(self) -> str:
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        notes = [f"\n{note}" for note in self.notes]
        return "\n".join([*("| " + " | ".join(line) + " |" for line in lines), *notes])

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def write_into(document: Path, tables: Sequence[Table], origin: str) -> None:
    """Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`, for each table and for the `machine`."""
    text = document.read_text()
    for name, content in [("machine", origin), *((table.name, table.markdown()) for table in tables)]:
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda found, content=content: f"{found[1]}{content}\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
    document.write_text(text)


def rate(value: float) -> str:
    return f"{value:,.0f}/s" if value >= 20 else f"{value:.1f}/s"


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms" if seconds >= 0.02 else f"{1000 * seconds:.1f} ms"


def microseconds(seconds: float) -> str:
    return f"{1e6 * seconds:,.0f} µs"


def times(ratio: float) -> str:
    return f"{ratio:,.0f} ×" if ratio >= 20 else f"{ratio:.2f} ×"


def mebibytes(value: float) -> str:
    return f"{value / 2**20:,.0f} MB"


def middle(values: Sequence[float]) -> float:
    return median(values) if values else 0.0
