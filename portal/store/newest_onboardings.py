"""The list of a partner's onboardings, and which entities a customer's used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select

from portal.services.ports import ListPosition
from portal.store.mapping import joined
from portal.store.tables import onboardings


def newest_of_partner(
    partner: str, customer: Mapping[str, str | None], created_after: datetime | None, after: ListPosition | None
) -> Select[Any]:
    """The newest first, without erased ones. Of `customer`, column by column, what is None does not choose."""
    created_at, onboarding_id = onboardings.c.created_at, onboardings.c.id
    listed = joined().where(onboardings.c.partner == partner, onboardings.c.erased_at.is_(None))
    for column, value in customer.items():
        if value is not None:
            listed = listed.where(onboardings.c[column] == value)
    if created_after is not None:
        listed = listed.where(created_at > created_after)
    if after is not None:
        is_older = or_(created_at < after.created_at, onboarding_id < after.id)
        listed = listed.where(created_at <= after.created_at, is_older)
    return listed.order_by(created_at.desc(), onboarding_id.desc())


def newest_entities(partner: str, external_id: str) -> Select[Any]:
    """The columns of `UsedEntity`."""
    columns = onboardings.c
    used = select(columns.id, columns.entity_id, columns.lost_entity_id).where(
        columns.partner == partner,
        columns.external_id == external_id,
        columns.erased_at.is_(None),
        or_(columns.entity_id.is_not(None), columns.lost_entity_id.is_not(None)),
    )
    return used.order_by(columns.created_at.desc(), columns.id.desc())
