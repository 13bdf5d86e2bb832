"""How long people waited lately, by stage and country, for the words of the pages.

Every process reads the same: what had ended at the last full ten minutes. It speaks of it two minutes later, when all
have read it, so that a page that asks two processes by turns does not get two answers by turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from portal.domain.stage import Stage
from portal.domain.waits import SAMPLE, Wait, wait_of

STAGES = (Stage.PREPARING, Stage.WAITING, Stage.CONFIRMING, Stage.IN_REVIEW)
_EVERY = 600.0
_PUBLISHED_AFTER = 120.0
"""Seconds. So that all processes have read a time's waits before any of them says them."""

Key = tuple[str, str]
"""Stage and country."""


class WaitReader(Protocol):
    def last_waits(self, keys: Iterable[Key], until: datetime, *, limit: int) -> Mapping[Key, list[int]]:
        """Of each the seconds of the newest waits that had ended by then. Raises `StoreUnavailable`."""


class MeasuredWaits:
    def __init__(self, reader: WaitReader, countries: Iterable[str]) -> None:
        self._reader = reader
        self._keys = [(stage.value, country) for stage in STAGES for country in countries]
        self._read: dict[float, Mapping[Key, Wait]] = {}
        """By the Unix time until which they had ended; every poll looks here, and datetimes would cost it more."""

    def measure(self, now: datetime) -> None:
        """Reads what is not read yet. Raises `StoreUnavailable`."""
        seconds = now.timestamp()
        wanted = {_ten_minutes(seconds - _PUBLISHED_AFTER), _ten_minutes(seconds)}
        self._read = {until: self._read[until] if until in self._read else self._waits(until) for until in wanted}

    def of(self, stage: str, country: str | None, now: datetime) -> Wait | None:
        """None if too little is known. Reads nothing."""
        read = self._read
        published = _ten_minutes(now.timestamp() - _PUBLISHED_AFTER)
        # A process that could not read meanwhile goes on with what it knows.
        until = published if published in read else min(read, default=None)
        return read[until].get((stage, country or "")) if until else None

    def _waits(self, until: float) -> Mapping[Key, Wait]:
        found = self._reader.last_waits(self._keys, datetime.fromtimestamp(until, UTC), limit=SAMPLE)
        waits = ((key, wait_of(seconds)) for key, seconds in found.items())
        return {key: wait for key, wait in waits if wait}


def _ten_minutes(seconds: float) -> float:
    """The last full ones, as Unix time."""
    return seconds - seconds % _EVERY
