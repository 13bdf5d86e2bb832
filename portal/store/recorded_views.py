"""Records whose pages are open; whoever came has gu1 looked at now, or soon where its webhooks tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, literal, not_, or_, select, update

from portal.domain.status import TOLD_BY_WEBHOOK
from portal.domain.validation import CreationState
from portal.store.column_types import UtcDateTime
from portal.store.tables import onboardings, validations

TOLD = and_(
    onboardings.c.stopped_at.is_(None),
    exists().where(
        validations.c.onboarding_id == onboardings.c.id,
        validations.c.number == onboardings.c.current_validation,
        validations.c.creation_state == CreationState.ADOPTED,
        validations.c.session_url_encrypted.is_not(None),
        validations.c.status.in_(sorted(TOLD_BY_WEBHOOK)),
        or_(validations.c.restart_asked_at.is_(None), validations.c.restart_refused_at.is_not(None)),
    ),
)
"""Like `Validation.is_told_by_webhooks`."""


def record_views(
    connection: Connection, viewed: Sequence[str], came: Sequence[str], now: datetime, told_by: datetime
) -> list[str]:
    """See `portal.services.ports.Store.record_views`."""
    soon: ColumnElement[Any] = literal(now, UtcDateTime())
    if told_by > now:
        soon = case((TOLD, literal(told_by, UtcDateTime())), else_=soon)
    shows_when = onboardings.c.stall_reason.is_not(None)
    hastened = and_(onboardings.c.id.in_(came), onboardings.c.failures == 0, onboardings.c.due_at > now)
    free = select(onboardings.c.id).where(onboardings.c.id.in_(viewed), onboardings.c.due_at.is_not(None))
    those = free.with_for_update(skip_locked=True).cte("viewed")
    statement = update(onboardings).where(onboardings.c.id.in_(select(those.c.id)))
    due_at = case((and_(hastened, not_(shows_when)), soon), else_=onboardings.c.due_at)
    connection.execute(statement.values(watched_at=now, due_at=due_at))
    return list(connection.scalars(select(onboardings.c.id).where(hastened, shows_when)))
