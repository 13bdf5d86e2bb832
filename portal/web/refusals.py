"""What strangers were refused: counted by kind, and logged at most once per kind and minute."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from threading import Lock

from portal.services.meter import Meter

log = logging.getLogger(__name__)

_QUIET_FOR = 60.0
"""Seconds."""


class Refusal(StrEnum):
    BAD_LINK = "bad_link"
    """An access link that was never signed here, or leads to nothing."""
    BAD_FORM = "bad_form"
    """A form or a button without a token of this portal that is still good."""
    WRONG_KEY = "wrong_key"
    """A partner's key, or the token of /metrics, that is missing or unknown; or a wrong one of the operator's page."""
    CROSS_SITE = "cross_site"
    FORGED_WEBHOOK = "forged_webhook"
    FOREIGN_HOST = "foreign_host"
    """A Host header that is not the portal's."""
    TOO_MANY = "too_many"
    """Starts of verifications above a limit."""
    FLOOD = "flood"
    """Requests above a limit of their source in a minute."""
    TOO_LARGE = "too_large"
    SLOW_BODY = "slow_body"
    """A body that took too long, or one of too many of one address."""
    MANY_CONNECTIONS = "many_connections"
    """A connection beside too many of the same address, which was ended."""


class Refusals:
    def __init__(self, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds from anywhere."""
        self._meter = meter
        self._clock = clock
        self._lock = Lock()
        self._unlogged: Counter[Refusal] = Counter()
        self._logged_at: dict[Refusal, float] = {}

    def count(self, kind: Refusal) -> None:
        self._meter.count("refusals", kind=kind)
        with self._lock:
            self._unlogged[kind] += 1
            now = self._clock()
            if now - self._logged_at.get(kind, now - _QUIET_FOR) < _QUIET_FOR:
                return
            self._logged_at[kind] = now
            times = self._unlogged.pop(kind)
        log.warning("refused: %s, %d times since the last such line", kind, times)
