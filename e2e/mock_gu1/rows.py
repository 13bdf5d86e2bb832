"""The mock's rows; immutable, a change replaces the row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from e2e.mock_gu1.outcomes import Outcome

Json = dict[str, Any]

FINAL = frozenset({"approved", "rejected", "expired", "abandoned", "cancelled"})
CHARGED = frozenset({"approved", "rejected"})

# A person may resume an abandoned session.
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
    """Tolerated risk codes."""
    outcome: Outcome | None = None
    """The decision of the provider or a reviewer."""
    unsynced: Outcome | None = None
    """The provider's outcome, if gu1 does not know it yet."""
    is_manual: bool = False
    is_current: bool = True
    decision: Json | None = None
    extracted: Json | None = None
    registry: Json | None = None
    """RENAPER's answer."""
    metadata: Json
    """As the client sent it."""
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
        """The portal's own metadata of this validation."""
        portal = self.metadata.get("portal")
        return portal if isinstance(portal, dict) else {}

    @property
    def onboarding(self) -> str | None:
        return str(self.portal["onboarding"]) if "onboarding" in self.portal else None
