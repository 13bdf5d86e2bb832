"""What gu1 knows of a person over all validations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityStatus:
    is_verified: bool
    """True only if gu1 says exactly that."""
    needs_reverification: bool
    """True also if gu1 does not say."""
    asks_reverification: bool = False
    """True only if gu1 says exactly that."""
    validation_id: str | None = None
    verified_at: datetime | None = None
    expires_at: datetime | None = None

    def holds_at(self, now: datetime) -> bool:
        """Whether the person need not verify again."""
        expired = self.expires_at is not None and self.expires_at <= now
        return self.is_verified and not self.needs_reverification and not expired
