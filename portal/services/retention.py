"""What deletes onboardings by age, as the hourly clean-up needs it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Retention(Protocol):
    def purge_onboardings(self, until: datetime, *, limit: int) -> int:
        """Deletes finished onboardings that have not changed since, with all that belongs to them."""

    def forget_erased_customers(self) -> int:
        """Deletes what the release before left of erased onboardings, as far as it comes across it."""

    def forget_deleted(self) -> None:
        """Takes what was deleted from wherever the database still holds it, as far as it can."""
