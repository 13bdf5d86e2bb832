"""Whether gu1's webhooks verifiably work here, so that what they tell need not be read so often.

A webhook about a validation of ours, on time, has them trusted for some minutes. A refresh that finds what a webhook
should have told before ends that at once, for all replicas, until the next webhook. So wherever none come, or some are
lost, refreshes are as frequent as if nobody knew of webhooks.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from typing import Protocol

from portal.domain.errors import StoreUnavailable
from portal.domain.timings import Timings
from portal.domain.validation import NOTHING_COMPARED, Observation, Validation
from portal.services.meter import Meter
from portal.services.ports import Clock

TURN = "frequent refreshes"
"""It comes when the trust ends: each webhook puts it off."""
_KNOWN_FOR = 3
"""So many times the time between two measurements: then what was measured last counts no more."""


class Turns(Protocol):
    """What all replicas share. Both raise `StoreUnavailable`."""

    def next_turn(self, name: str) -> datetime | None: ...

    def set_turn(self, name: str, next_at: datetime) -> None: ...


class NoWebhookTrust:
    """Nothing is known of webhooks."""

    def holds(self) -> bool:
        return False

    def note_webhook(self, _seen: Observation | None) -> None:
        """One about a validation of ours came; None if it did not say what it is like."""

    def is_broken_by(self, _before: Validation, _seen: Observation) -> bool:
        """True if a refresh that saw this shows that a webhook was lost."""
        return False

    def lose(self) -> None:
        """Until the next webhook."""


NO_TRUST = NoWebhookTrust()


class WebhookTrust(NoWebhookTrust):
    def __init__(self, turns: Turns, clock: Clock, timings: Timings, meter: Meter) -> None:
        self._turns = turns
        self._clock = clock
        self._meter = meter
        self._lasts = timedelta(seconds=timings.webhooks_trusted_for)
        self._late_after = timedelta(seconds=timings.webhook_late_after)
        self._every = timedelta(seconds=timings.trust_measured_every)
        self._measured_at: datetime | None = None
        self._noted_at: datetime | None = None
        self._holds_until: datetime | None = None
        """Every step, view and button looks here and asks no database."""

    def measure(self) -> None:
        """Reads what the replicas share, every few seconds. Raises `StoreUnavailable`, and then there is no trust."""
        now = self._clock()
        if _is_recent(self._measured_at, now, self._every):
            return
        try:
            ends_at = self._turns.next_turn(TURN)
        except StoreUnavailable:
            self._holds_until = None
            raise
        self._measured_at = now
        # A time further ahead was written by a clock that ran ahead.
        is_trusted = ends_at is not None and now < ends_at < now + 2 * self._lasts
        self._holds_until = min(ends_at, now + _KNOWN_FOR * self._every) if ends_at and is_trusted else None

    def holds(self) -> bool:
        until = self._holds_until
        return until is not None and self._clock() < until

    def note_webhook(self, seen: Observation | None) -> None:
        now = self._clock()
        is_late = seen is not None and not self._is_fresh(seen, now)
        if is_late or (self.holds() and _is_recent(self._noted_at, now, self._every)):
            return
        # The webhook itself is stored already. Without this note refreshes are frequent, which harms nobody.
        with contextlib.suppress(StoreUnavailable):
            self._turns.set_turn(TURN, now + self._lasts)
            self._noted_at = now
            self._holds_until = now + min(self._lasts, _KNOWN_FOR * self._every)

    def is_broken_by(self, before: Validation, seen: Observation) -> bool:
        """Not by what gu1 knows only since a moment ago: its webhook may be on the way, or have asked for the read."""
        is_news = before.observed(seen, NOTHING_COMPARED).status is not before.status
        return is_news and self.holds() and not self._is_fresh(seen, self._clock())

    def lose(self) -> None:
        self._holds_until = None
        self._meter.count("webhooks_missed")
        # If it is not noted, trust returns with the next measurement, and the next refresh that finds news ends it.
        with contextlib.suppress(StoreUnavailable):
            self._turns.set_turn(TURN, self._clock())

    def _is_fresh(self, seen: Observation, now: datetime) -> bool:
        """gu1's clock may differ from ours; if by more than this, webhooks are never trusted."""
        return seen.updated_at is not None and abs(now - seen.updated_at) <= self._late_after


def _is_recent(then: datetime | None, now: datetime, within: timedelta) -> bool:
    return then is not None and timedelta() <= now - then < within
