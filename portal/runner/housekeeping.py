"""Deletes expired data, in slices: each is one short transaction, so that nobody's page waits for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.domain.onboarding import LIFETIME
from portal.services.mail import MailOutbox
from portal.services.meter import Meter, NoMeter
from portal.services.ports import Outbox, SharedState, Store
from portal.services.retention import Retention

TURN = "housekeeping"
TURN_EVERY = timedelta(minutes=59)
"""Less than the hour after which each process asks for its turn, so that no hour is missed."""
WEBHOOK_RETENTION = timedelta(days=30)
DELIVERED_EVENT_RETENTION = timedelta(days=30)
"""Undelivered events are kept as long as their onboarding."""
IDEMPOTENCY_KEY_RETENTION = timedelta(days=7)
INSTALLATION_HISTORY_RETENTION = timedelta(days=400)
"""A year, and some weeks to look back over it. PORTAL_RETENTION_DAYS is about people, of whom nothing is in it."""
REOPENING = timedelta(days=1)
"""In which gu1 may take the end of a validation back, so that its hosted page is needed again."""
SLICE = 500
SLICE_OF_ONBOARDINGS = 100
"""Each is a dozen rows in all."""


class Housekeeping:
    def __init__(
        self,
        shared_state: SharedState,
        outbox: Outbox,
        store: Store,
        retention: Retention,
        *,
        attempts_window: timedelta,
        mails: MailOutbox,
        kept_for: timedelta | None = None,
        meter: Meter | None = None,
    ) -> None:
        """`kept_for`: how long a finished onboarding is kept after its last change; None: for ever."""
        self._shared_state = shared_state
        self._outbox = outbox
        self._store = store
        self._retention = retention
        self._attempts_window = attempts_window
        self._mails = mails
        self._kept_for = kept_for
        self._meter = meter or NoMeter()

    def purge_expired(self, now: datetime) -> bool:
        """Deletes a slice of each kind; True if there may be more. Raises `StoreUnavailable`."""
        purged = (
            self._shared_state.purge_webhooks(now - WEBHOOK_RETENTION, limit=SLICE),
            self._shared_state.purge_idempotency_keys(now - IDEMPOTENCY_KEY_RETENTION, limit=SLICE),
            self._shared_state.purge_start_counters(now, limit=SLICE),
            self._shared_state.purge_installation_history(now - INSTALLATION_HISTORY_RETENTION, limit=SLICE),
            self._outbox.purge_delivered(now - DELIVERED_EVENT_RETENTION, limit=SLICE),
            self._store.purge_details(now - LIFETIME, limit=SLICE),
            self._store.purge_sessions(now - LIFETIME, now - REOPENING, limit=SLICE),
            self._store.forget_persons(now - self._attempts_window, limit=SLICE),
            self._mails.purge_addresses(now - LIFETIME, limit=SLICE),
            self._purge_onboardings(now),
        )
        if not any(purged):
            self._retention.forget_erased_customers()
            self._retention.forget_deleted()
            self._meter.show("housekeeping_success_timestamp_seconds", now.timestamp())
        return any(purged)

    def _purge_onboardings(self, now: datetime) -> int:
        if self._kept_for is None:
            return 0
        return self._retention.purge_onboardings(now - self._kept_for, limit=SLICE_OF_ONBOARDINGS)
