"""What a fault of the matrix is, and one that is on its way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from e2e.bench.matrix.points import Point
from e2e.in_process_rig import Rig

UNTIL_TOLD = 20.0
"""Seconds in which the person has to learn of a fault that lasts."""
LONGEST = 8.0
"""Seconds after which a fault that says nothing of its end is taken to be over."""


def _nothing() -> None:
    pass


@dataclass(kw_only=True)
class Strike:
    """A fault that was ordered. It is over when it says so, or when it was lifted."""

    has_struck: Callable[[], bool]
    is_over: Callable[[], bool] = lambda: True
    """Asked once it has struck."""
    lift: Callable[[], None] = _nothing
    until_stage: str | None = None
    """Lasts until the person was shown this, and is lifted then."""
    was_told: bool = True
    struck_at: float | None = None
    over_at: float | None = None

    def lasts(self, stage: str) -> bool | None:
        """None before it has struck; `stage` is what the person sees now."""
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
    """What the person presses more than once: how often, and whether all at the same time."""
    lasts: bool = False
    """Until the person was told of it."""
    is_muted: bool | None = None
    """Whether webhooks are lost; None where the point says it, or chance."""


def after(seconds: float, begun: Callable[[], float | None]) -> Callable[[], bool]:
    """Over so long after it began, which is None before."""
    return lambda: (start := begun()) is not None and time.monotonic() >= start + seconds
