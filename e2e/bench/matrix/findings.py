"""What went wrong in one run: counts for the table, and notes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

PATIENCE = 15.0
"""Seconds to recover after the end of the fault, on an idle machine."""

DOUBLE, LOST, STUCK, WRONG, BARE = "double", "lost", "stuck", "wrong", "bare"


class GivenUp(Exception):
    """The applicant cannot continue; the reason is among the findings."""


@dataclass
class Findings:
    patience: float = PATIENCE
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: str, note: str) -> None:
        self.counts[kind] += 1
        self.notes.append(f"{kind}: {note}")

    def give_up(self, kind: str, note: str) -> GivenUp:
        """Adds a finding; returns the exception to raise."""
        self.add(kind, note)
        return GivenUp(note)
