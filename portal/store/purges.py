"""Statements that delete what is no longer needed of onboardings, in slices."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, and_, bindparam, case, or_, select, tuple_, update
from sqlalchemy.sql.dml import ReturningUpdate

from portal.domain.status import Status
from portal.store.column_types import Unreadable
from portal.store.row_leases import moment
from portal.store.tables import PERSONAL, onboardings, validations


def _purge_details() -> ReturningUpdate[tuple[str, datetime | Unreadable]]:
    is_over = onboardings.c.due_at.is_(None)
    forgotten = and_(PERSONAL, or_(onboardings.c.details_encrypted.is_not(None), is_over))
    old = select(onboardings.c.id).where(onboardings.c.created_at <= moment("created_until"), forgotten)
    first = old.order_by(onboardings.c.created_at).limit(bindparam("limit", type_=Integer))
    those = first.with_for_update(skip_locked=True).cte("ended")
    # The verdict that is still to come is compared with these hashes.
    names = ("document_digest", "name_digests", "submission")
    kept = {name: case((is_over, None), else_=onboardings.c[name]) for name in names}
    purged = update(onboardings).where(onboardings.c.id.in_(select(those.c.id)))
    return purged.values(details_encrypted=None, **kept).returning(onboardings.c.id, onboardings.c.due_at)


PURGE_DETAILS = _purge_details()
FORGET_DOCUMENTS = (
    update(validations)
    .where(validations.c.onboarding_id.in_(bindparam("ids", expanding=True)))
    .values(verified_digest=None)
)
FORGET_SESSIONS = (
    update(validations)
    .where(validations.c.onboarding_id.in_(bindparam("ids", expanding=True)))
    .values(session_url_encrypted=None, session_id=None)
)


def _purge_sessions() -> ReturningUpdate[tuple[str]]:
    is_over = and_(onboardings.c.due_at.is_(None), onboardings.c.created_at <= moment("created_until"))
    # Without a session id, the address alone says that there was a session.
    is_final = and_(
        validations.c.status.in_([it for it in Status if it.is_final]),
        validations.c.session_id.is_not(None),
        onboardings.c.due_at.is_(None),
        onboardings.c.updated_at <= moment("finished_until"),
    )
    sealed = and_(validations.c.session_url_encrypted.is_not(None), or_(is_over, is_final))
    some = select(validations.c.onboarding_id, validations.c.number).join(onboardings).where(sealed)
    those = some.limit(bindparam("limit", type_=Integer)).with_for_update(skip_locked=True, of=validations).cte("ended")
    key = tuple_(validations.c.onboarding_id, validations.c.number)
    purged = update(validations).where(key.in_(select(those.c.onboarding_id, those.c.number)))
    return purged.values(session_url_encrypted=None).returning(validations.c.onboarding_id)


PURGE_SESSIONS = _purge_sessions()
