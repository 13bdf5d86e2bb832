"""What was wrong in one run, counted as the table counts it, and in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

PATIENCE = 15.0
"""Seconds from the end of the fault to where things belong, on a machine that has nothing else to do."""

DOUBLE, LOST, STUCK, WRONG, BARE = "double", "lost", "stuck", "wrong", "bare"


class GivenUp(Exception):
    """The applicant cannot go on; why is among the findings."""


@dataclass
class Findings:
    patience: float = PATIENCE
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: str, note: str) -> None:
        self.counts[kind] += 1
        self.notes.append(f"{kind}: {note}")

    def give_up(self, kind: str, note: str) -> GivenUp:
        """To be raised."""
        self.add(kind, note)
        return GivenUp(note)
