"""The few columns that a poll reads."""

from __future__ import annotations

from collections.abc import Sequence

from portal.domain.errors import UnknownOnboarding
from portal.services.ports import PollState
from portal.store.quick_reads import QuickReads
from portal.store.quick_select import QuickSelect
from portal.store.tables import onboardings

# A page polls the same row until something changes.
POLL = QuickSelect(onboardings.c.id, [onboardings.c[name] for name in PollState._fields], parsed=8192)
_ID = PollState._fields.index("id")


class PollReader:
    def __init__(self, reads: QuickReads) -> None:
        self._reads = reads

    def read(self, onboarding_id: str) -> PollState:
        """Raises `UnknownOnboarding` or `StoreUnavailable`."""
        values = self._reads.read(POLL, onboarding_id)
        if values is None:
            raise UnknownOnboarding(onboarding_id)
        return PollState(*values)

    def read_nonblocking(self, onboarding_ids: Sequence[str]) -> dict[str, PollState]:
        """Those that exist, by id. Raises `WouldBlock` unless that is quick; `read` is to be asked then."""
        return {values[_ID]: PollState(*values) for values in self._reads.read_nonblocking(POLL, onboarding_ids)}
