"""Deletes expired data, in slices: each is one short transaction, so that nobody's page waits for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.domain.onboarding import LIFETIME
from portal.services.ports import Outbox, SharedState, Store

WEBHOOK_RETENTION = timedelta(days=30)
DELIVERED_EVENT_RETENTION = timedelta(days=30)
"""Undelivered events are kept as long as their onboarding."""
IDEMPOTENCY_KEY_RETENTION = timedelta(days=7)
REOPENING = timedelta(days=1)
"""In which gu1 may take the end of a validation back, so that its hosted page is needed again."""
SLICE = 500


class Housekeeping:
    def __init__(self, shared_state: SharedState, outbox: Outbox, store: Store, *, attempts_window: timedelta) -> None:
        self._shared_state = shared_state
        self._outbox = outbox
        self._store = store
        self._attempts_window = attempts_window

    def purge_expired(self, now: datetime) -> bool:
        """Deletes a slice of each kind; True if there may be more. Raises `StoreUnavailable`."""
        purged = (
            self._shared_state.purge_webhooks(now - WEBHOOK_RETENTION, limit=SLICE),
            self._shared_state.purge_idempotency_keys(now - IDEMPOTENCY_KEY_RETENTION, limit=SLICE),
            self._shared_state.purge_start_counters(now, limit=SLICE),
            self._outbox.purge_delivered(now - DELIVERED_EVENT_RETENTION, limit=SLICE),
            self._store.purge_details(now - LIFETIME, limit=SLICE),
            self._store.purge_sessions(now - LIFETIME, now - REOPENING, limit=SLICE),
            self._store.forget_persons(now - self._attempts_window, limit=SLICE),
        )
        return any(purged)
