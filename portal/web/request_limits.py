"""How many requests one source may send in a minute: on one machine, or on all replicas that share a storage.

Limits of what is paid for are rows in the database (`portal/services/start_counters.py`). These here only keep one
source's flood from everybody's processor, so where their storage does not answer, everything is let through.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from enum import Enum, unique
from threading import Lock

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from portal.domain.limit_storage import IN_MEMORY
from portal.environment import folder_of_workers
from portal.services.keyed_hash import KeyedHash
from portal.services.meter import Meter
from portal.web.minute_counts import MinuteCounts

log = logging.getLogger(__name__)

_TIMEOUT = 0.25
"""Seconds that a request waits for the storage."""
_PAUSE = 5.0
"""Seconds without asking a storage that did not answer, so that not each request waits for it."""
_QUIET_FOR = 60.0


@unique  # members of one value would be one limit
class Limited(Enum):
    """What is limited, and how often a minute."""

    FORM = 120
    """The first page's forms of one address. More cost work, see `portal/web/flood_guard.py`."""
    WORK = 100
    """How often one address is asked for work. More are refused without a form."""
    PROVED_FORM = 30
    """Sendings of one form for which the work was done."""
    BUTTON = 60
    """Forms and buttons of one link from one address."""
    BAD_LINK = 300
    """Links of one address that lead nowhere. Genuine ones are never counted."""
    API = 3000
    """Calls of the partner API from one address."""


class RequestLimits:
    def __init__(
        self,
        storage: str | None,
        source_hash: KeyedHash,
        meter: Meter,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`storage`: as `portal.domain.limit_storage` names it. None: no limits.

        `source_hash`: of addresses and links, which a storage that others may read must not tell.
        """
        self._source_hash = source_hash
        self._meter = meter
        self._monotonic = monotonic
        self._lock = Lock()
        self._asks_again_at = -math.inf
        self._quiet_until = -math.inf
        self._limiter = _limiter(storage) if storage else None
        self._items: dict[Limited, RateLimitItem] = {
            kind: RateLimitItemPerMinute(kind.value, namespace=f"portal-{kind.name.lower()}") for kind in Limited
        }

    def seconds_left(self, kind: Limited, *source: str) -> int | None:
        """Counts a request; None if it is within the limit, else in how many seconds one more is."""
        if self._limiter is None or self._monotonic() < self._asks_again_at:
            return None
        item, key = self._items[kind], self._source_hash.digest("\n".join(source))
        try:
            if self._limiter.hit(item, key):
                return None
            free_at = self._limiter.get_window_stats(item, key).reset_time
        except Exception as error:  # whatever the storage's client may raise
            self._note_failure(error)
            return None
        return max(1, min(item.get_expiry(), math.ceil(free_at - time.time())))

    def _note_failure(self, error: Exception) -> None:
        self._meter.count("request_limit_failures")
        with self._lock:
            now = self._monotonic()
            self._asks_again_at = now + _PAUSE
            if now < self._quiet_until:
                return
            self._quiet_until = now + _QUIET_FOR
        # The error's text may hold the storage's address, and that its password.
        log.error("the storage of request limits does not answer, so nothing is limited: %s", type(error).__name__)


def _limiter(storage: str) -> FixedWindowRateLimiter:
    """Counts the minute that begins with a source's first request, so that twice as many may pass where two meet."""
    if storage == IN_MEMORY:
        return FixedWindowRateLimiter(MinuteCounts(folder_of_workers()))
    options = {"socket_timeout": _TIMEOUT, "socket_connect_timeout": _TIMEOUT}
    return FixedWindowRateLimiter(storage_from_string(storage, **options))
