"""What a mock keeps, as values; a change puts a new one in place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from e2e.mock_gu1.outcomes import Outcome

Json = dict[str, Any]

FINAL = frozenset({"approved", "rejected", "expired", "abandoned", "cancelled"})
CHARGED = frozenset({"approved", "rejected"})

# A person may come back to a session that they left.
OPEN = frozenset({"pending", "in_progress", "abandoned"})
RUNNING = frozenset({"pending", "in_progress"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    id: str
    type: str
    name: str
    tax_id: str
    country: str
    external_id: str | None
    nationality: str | None
    status: str
    entity_data: Json
    attributes: Json
    is_verified: bool = False
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    id: str
    entity_id: str
    status: str = "pending"
    session_id: str | None
    session_url: str | None
    planned: Outcome | None
    registry_asked: bool
    omitted: tuple[str, ...] = ()
    """Risk codes that are to be tolerated."""
    outcome: Outcome | None = None
    """What the provider or a person has decided."""
    unsynced: Outcome | None = None
    """What the provider knows and gu1 does not yet."""
    is_manual: bool = False
    is_current: bool = True
    decision: Json | None = None
    extracted: Json | None = None
    registry: Json | None = None
    """What RENAPER answered."""
    metadata: Json
    """As it was sent."""
    expires_at: datetime
    verified_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    opened_at: datetime | None = None
    completed_at: datetime | None = None
    charged_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def is_charged(self) -> bool:
        return self.charged_at is not None

    @property
    def code(self) -> str | None:
        return self.outcome.code if self.outcome else None

    @property
    def portal(self) -> Json:
        """What the portal said of itself when it created this."""
        portal = self.metadata.get("portal")
        return portal if isinstance(portal, dict) else {}

    @property
    def onboarding(self) -> str | None:
        return str(self.portal["onboarding"]) if "onboarding" in self.portal else None
