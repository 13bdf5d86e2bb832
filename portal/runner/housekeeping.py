"""Deletes expired data."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.domain.onboarding import LIFETIME
from portal.services.ports import Outbox, SharedState, Store

WEBHOOK_RETENTION = timedelta(days=30)
DELIVERED_EVENT_RETENTION = timedelta(days=30)
"""Undelivered events are kept as long as their onboarding."""
IDEMPOTENCY_KEY_RETENTION = timedelta(days=7)
ROWS_PER_RUN = 1000
"""So that the first run on a large database blocks nobody; the rest follows in the next runs."""


class Housekeeping:
    def __init__(self, shared_state: SharedState, outbox: Outbox, store: Store, *, attempts_window: timedelta) -> None:
        self._shared_state = shared_state
        self._outbox = outbox
        self._store = store
        self._attempts_window = attempts_window

    def purge_expired(self, now: datetime) -> None:
        """Raises `StoreUnavailable`; the next run then deletes the rest."""
        self._shared_state.purge_webhooks(now - WEBHOOK_RETENTION)
        self._shared_state.purge_idempotency_keys(now - IDEMPOTENCY_KEY_RETENTION)
        self._outbox.purge_delivered(now - DELIVERED_EVENT_RETENTION)
        self._store.purge_details(now - LIFETIME, limit=ROWS_PER_RUN)
        self._store.forget_persons(now - self._attempts_window, limit=ROWS_PER_RUN)
