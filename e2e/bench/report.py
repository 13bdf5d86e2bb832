"""Results of a bench as lines of a table and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

COLUMNS = ("fault", "point", "database", "runs", "double", "lost", "stuck", "wrong", "bare", "median s", "longest s")


@dataclass
class Line:
    """The runs of one fault at one point on one database. Everything but `runs` and `seconds` should stay 0."""

    fault: str
    point: str
    database: str
    runs: int = 0
    double: int = 0
    """Charges beyond one per intent, by the mock's ledger."""
    lost: int = 0
    """Acknowledged intents without a way to continue, or unknown to gu1."""
    stuck: int = 0
    """Intents not at their end by the deadline."""
    wrong: int = 0
    """Final states that differ from gu1's or were overwritten."""
    bare: int = 0
    """5xx answers other than a 503 page with a way to continue."""
    seconds: list[float] = field(default_factory=list)
    """From the end of the fault (or from its beginning, if it has no end) to the right page."""

    @property
    def is_clean(self) -> bool:
        return not (self.double or self.lost or self.stuck or self.wrong or self.bare)

    def cells(self) -> tuple[str, ...]:
        counts = (self.runs, self.double, self.lost, self.stuck, self.wrong, self.bare)
        times = (median(self.seconds), max(self.seconds)) if self.seconds else ()
        spent = [f"{seconds:.1f}" for seconds in times] or ["", ""]
        return (self.fault, self.point, self.database, *map(str, counts), *spent)


def table(lines: list[Line]) -> str:
    """One row per line, and a last one with the sums."""
    rows = [COLUMNS, *(line.cells() for line in lines), total(lines).cells()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def total(lines: list[Line]) -> Line:
    whole = Line("total", "", "")
    for line in lines:
        for name in ("runs", "double", "lost", "stuck", "wrong", "bare"):
            setattr(whole, name, getattr(whole, name) + getattr(line, name))
        whole.seconds += line.seconds
    return whole


def as_json(lines: list[Line]) -> list[dict[str, Any]]:
    return [asdict(line) for line in lines]
