"""A fault of the matrix, and a fault in progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from e2e.bench.matrix.points import Point
from e2e.in_process_rig import Rig

UNTIL_TOLD = 20.0
"""Seconds within which the page must report a lasting fault."""
LONGEST = 8.0
"""Seconds after which a fault without a reported end counts as over."""


def _nothing() -> None:
    pass


@dataclass(kw_only=True)
class Strike:
    """A fault in progress. It is over when `is_over` says so or after `lift`."""

    has_struck: Callable[[], bool]
    is_over: Callable[[], bool] = lambda: True
    """Called after it has struck."""
    lift: Callable[[], None] = _nothing
    until_stage: str | None = None
    """Lasts until the page has shown this stage, and is lifted then."""
    was_told: bool = True
    struck_at: float | None = None
    over_at: float | None = None

    def lasts(self, stage: str) -> bool | None:
        """None before it has struck; `stage` is what the page shows now."""
        now = time.monotonic()
        if self.struck_at is None and self.has_struck():
            self.struck_at = now
        if self.struck_at is None:
            return None
        if self.over_at is None and self._ends(stage):
            self.lift()
            self.over_at = time.monotonic()
        return self.over_at is None

    def _ends(self, stage: str) -> bool:
        struck_for = time.monotonic() - (self.struck_at or 0.0)
        if self.until_stage is None:
            return self.is_over() or struck_for > LONGEST
        self.was_told = stage == self.until_stage
        return self.was_told or struck_for > UNTIL_TOLD


Begin = Callable[[Rig, Point], Strike]


@dataclass(frozen=True, kw_only=True)
class Fault:
    name: str
    points: tuple[str, ...]
    begin: Begin
    variant: Mapping[str, Any] = field(default_factory=dict)
    """Options of the mock."""
    is_proxied: bool = False
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    presses: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    """Button → how often it is pressed, and whether all presses are simultaneous."""
    lasts: bool = False
    """Whether it lasts until the page has reported it."""
    is_muted: bool | None = None
    """Whether webhooks are lost; if None, the point or chance decides."""


def after(seconds: float, begun: Callable[[], float | None]) -> Callable[[], bool]:
    """Over this many seconds after `begun` returns a time."""
    return lambda: (start := begun()) is not None and time.monotonic() >= start + seconds
