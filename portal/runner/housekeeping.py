"""What is forgotten by itself, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.domain.onboarding import LIFETIME
from portal.services.ports import Outbox, SharedState, Store

WEBHOOKS_KEPT = timedelta(days=30)
EVENTS_KEPT = timedelta(days=30)
"""Once they were delivered; the others stay for as long as their onboarding."""
KEYS_KEPT = timedelta(days=7)
MOST_AT_ONCE = 1000
"""Of people's details, so that a first time among many holds up nobody; the others follow the next time."""


class Housekeeping:
    def __init__(self, shared_state: SharedState, outbox: Outbox, store: Store) -> None:
        self._shared_state = shared_state
        self._outbox = outbox
        self._store = store

    def forget(self, now: datetime) -> None:
        """Raises `StoreUnavailable`; what is left then is forgotten the next time."""
        self._shared_state.forget_webhooks(now - WEBHOOKS_KEPT)
        self._shared_state.forget_keys(now - KEYS_KEPT)
        self._outbox.forget_delivered(now - EVENTS_KEPT)
        self._store.forget_details(now - LIFETIME, limit=MOST_AT_ONCE)
