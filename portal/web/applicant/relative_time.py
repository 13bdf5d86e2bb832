"""A time in the near future as "in about 5 minutes", which needs no time zone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from flask_babel import gettext as _
from flask_babel import ngettext

_MOST_MINUTES = 90
"""From then on it is told in hours."""


@dataclass(frozen=True, slots=True)
class RelativeTime:
    at: datetime
    minutes: int
    """Rounded up, so that nobody comes too early."""

    @property
    def iso(self) -> str:
        return self.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    @property
    def words(self) -> str:
        return in_minutes(self.minutes)

    def seconds_unchanged(self, now: datetime) -> float:
        """Seconds until `words` change."""
        left = (self.at - now).total_seconds()
        if self.minutes > _MOST_MINUTES:
            return left - 60 * max(_MOST_MINUTES, 60 * (_hours(self.minutes) - 1))
        return left - 60 * (self.minutes - 1)


def relative_time(at: datetime | None, now: datetime) -> RelativeTime | None:
    """None if `at` is not in the future."""
    if at is None or at <= now:
        return None
    return RelativeTime(at, math.ceil((at - now).total_seconds() / 60))


def in_minutes(minutes: int) -> str:
    if minutes == 1:
        return str(_("in less than a minute"))
    if minutes > _MOST_MINUTES:
        return str(ngettext("in about %(num)d hour", "in about %(num)d hours", _hours(minutes)))
    return str(ngettext("in about %(num)d minute", "in about %(num)d minutes", minutes))


def _hours(minutes: int) -> int:
    return math.ceil(minutes / 60)
