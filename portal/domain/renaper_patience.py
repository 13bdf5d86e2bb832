"""How long an approval waits for RENAPER's answer, and what becomes of it then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Self

_FORM = re.compile(r"([0-9]{1,6})(m|h|d):(hold|approve)")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


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
        found = _FORM.fullmatch(text.strip().lower())
        if found is None:
            raise ValueError("must be a time and what follows it, like 24h:hold, 90m:approve or 3d:hold")
        number, unit, then = found.groups()
        return cls(int(number) * _UNITS[unit], Afterwards(then))

    def __str__(self) -> str:
        unit = "m" if self.lasts % _UNITS["h"] else "h"
        return f"{self.lasts // _UNITS[unit]}{unit}:{self.then}"


DEFAULT_PATIENCE = RenaperPatience(timedelta(hours=24), Afterwards.HOLD)
