"""What partners' backends are told: written together with what happened, and kept until they have it."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, func, select

from portal.domain.onboarding import Onboarding
from portal.store.access import insert
from portal.store.tables import events


def add_event(connection: Connection, onboarding: Onboarding, payload: str) -> None:
    """Inside the transaction that holds the onboarding's lock, which keeps `sequence` without a gap."""
    told = select(func.count()).select_from(events).where(events.c.onboarding_id == onboarding.id)
    values = {
        "id": f"evt_{secrets.token_urlsafe(16)}",
        "partner": onboarding.partner,
        "onboarding_id": onboarding.id,
        "sequence": (connection.scalar(told) or 0) + 1,
        "payload": payload,
        "created_at": onboarding.updated_at,
        "due_at": onboarding.updated_at,
        "attempts": 0,
    }
    connection.execute(insert(connection, events).values(values))
