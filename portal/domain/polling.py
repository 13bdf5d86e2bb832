"""How often a status page asks the portal: often at first, less often the longer nothing changes."""

from __future__ import annotations

import math
import random

SHOWS_LONG_WAIT_AFTER = 60.0
"""Seconds without a change, after which the page says that it can be closed."""

OVERTURN_POLL_SECONDS = 60
"""Between two polls of a page that shows a verdict, which gu1 rarely changes."""

_INTERVALS = ((10, 1.0), (30, 2.0), (120, 3.0), (600, 5.0), (3600, 15.0))
"""(seconds since the last change, seconds between two polls)"""
_LONGEST_INTERVAL = 60.0
_JITTER = 0.2


def poll_interval(age: float) -> float:
    """Seconds between two polls, `age` seconds after the last change."""
    return next((seconds for limit, seconds in _INTERVALS if age < limit), _LONGEST_INTERVAL)


def next_threshold(age: float) -> float:
    """The next age at which the interval or the long-wait notice changes by time alone; infinite after the last."""
    limits = (SHOWS_LONG_WAIT_AFTER, *(limit for limit, _seconds in _INTERVALS))
    return min((limit for limit in limits if limit > age), default=math.inf)


def jittered(seconds: float) -> float:
    """A little more or less, so that pages opened together do not poll together."""
    return round(seconds * random.uniform(1 - _JITTER, 1 + _JITTER), 1)  # noqa: S311
