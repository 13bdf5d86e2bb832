"""How long an approval waits for RENAPER's answer, and what becomes of it then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Self

from portal.domain.durations import duration_of, duration_text


class Afterwards(StrEnum):
    HOLD = "hold"
    """It stays in review until RENAPER answers or an operator decides."""
    APPROVE = "approve"
    """It counts; a later rejection by RENAPER still replaces it."""


@dataclass(frozen=True, slots=True)
class RenaperPatience:
    lasts: timedelta
    then: Afterwards

    @classmethod
    def parsed(cls, text: str) -> Self:
        """From text like `24h:hold`. Raises `ValueError`."""
        time, _, then = text.strip().lower().partition(":")
        lasts = duration_of(time)
        if lasts is None or then not in set(Afterwards):
            raise ValueError("must be a time and what follows it, like 24h:hold, 90m:approve or 3d:hold")
        return cls(lasts, Afterwards(then))

    def __str__(self) -> str:
        return f"{duration_text(self.lasts)}:{self.then}"


DEFAULT_PATIENCE = RenaperPatience(timedelta(hours=24), Afterwards.HOLD)
