"""People without a partner ask for their data to be erased; an operator confirms it by erasing."""

from __future__ import annotations

from dataclasses import replace

from portal.domain.onboarding import Onboarding
from portal.services.change_history import Action, Actor, Cause
from portal.services.meter import Meter
from portal.services.ports import Clock, Store


class ErasureRequests:
    def __init__(self, store: Store, *, clock: Clock, meter: Meter) -> None:
        self._store = store
        self._clock = clock
        self._meter = meter

    @staticmethod
    def is_open_to(onboarding: Onboarding) -> bool:
        """A partner's customers ask the partner, who erases by its API."""
        return onboarding.partner is None

    def ask(self, onboarding_id: str) -> None:
        """Asking again changes nothing."""
        with self._store.locked(onboarding_id) as row:
            found = row.onboarding_not_erased
            if found.erasure_asked_at or not self.is_open_to(found):
                return
            asked = replace(found, erasure_asked_at=self._clock())
            row.save(asked, Cause(actor=Actor.APPLICANT, action=Action.ERASURE_ASKED))
        self._meter.count("erasures_asked")
