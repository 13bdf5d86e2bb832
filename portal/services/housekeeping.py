"""What is forgotten by itself, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.services.ports import Notes, Outbox

WEBHOOKS_KEPT = timedelta(days=30)
EVENTS_KEPT = timedelta(days=30)
"""Once they were delivered; the others stay for as long as their onboarding."""
KEYS_KEPT = timedelta(days=7)


class Housekeeping:
    def __init__(self, notes: Notes, outbox: Outbox) -> None:
        self._notes = notes
        self._outbox = outbox

    def forget(self, now: datetime) -> None:
        """Raises `StoreUnavailable`; what is left then is forgotten the next time."""
        self._notes.forget_webhooks(now - WEBHOOKS_KEPT)
        self._notes.forget_keys(now - KEYS_KEPT)
        self._outbox.forget_delivered(now - EVENTS_KEPT)
