"""Deletes onboardings that nobody needs any more, with all that belongs to them, and keeps how many there were."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from datetime import datetime

from sqlalchemy import Engine, Integer, and_, bindparam, delete, select

from portal.store.row_leases import moment
from portal.store.tables import customer_purposes, onboardings, purged_onboardings, validations
from portal.store.transactions import Transactions, insert
from portal.store.write_turn import not_waiting_for_lock

_UNTIL = moment("until")
_OVER = (
    select(onboardings.c.id, onboardings.c.created_at, validations.c.status)
    .select_from(
        onboardings.outerjoin(
            validations,
            and_(
                validations.c.onboarding_id == onboardings.c.id,
                validations.c.number == onboardings.c.current_validation,
            ),
        )
    )
    .where(onboardings.c.due_at.is_(None), onboardings.c.created_at <= _UNTIL, onboardings.c.updated_at <= _UNTIL)
    .order_by(onboardings.c.created_at)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(of=onboardings, skip_locked=True)
)
_WITHOUT_VALIDATION = "none"
TRIES, BETWEEN_TRIES = 20, 0.025
"""How often the write-ahead log is tried to be emptied while others read, and the seconds in between."""
_SLICE, SLICES = 500, 20
_CUSTOMERS = (
    select(customer_purposes.c.onboarding_id, onboardings.c.erased_at.is_not(None).label("is_erased"))
    .join(onboardings)
    .where(customer_purposes.c.onboarding_id > bindparam("after"))
    .order_by(customer_purposes.c.onboarding_id)
    .limit(_SLICE)
)
_FORGET_CUSTOMERS = delete(customer_purposes).where(
    customer_purposes.c.onboarding_id.in_(bindparam("ids", expanding=True))
)


class OnboardingRetention:
    """Fills `portal.services.retention.Retention`."""

    def __init__(self, engine: Engine, *, slices: int = SLICES) -> None:
        """`slices`: of how many `forget_erased_customers` looks at most."""
        self._slices = slices
        self._engine = engine
        self._transactions = Transactions(engine)

    def purge_onboardings(self, until: datetime, *, limit: int) -> int:
        with self._transactions.writing() as connection:
            rows = connection.execute(_OVER, {"until": until, "limit": limit}).all()
            counts = Counter((_month(row.created_at), row.status or _WITHOUT_VALIDATION) for row in rows)
            for (month, status), number in sorted(counts.items()):
                first = insert(connection, purged_onboardings).values(month=month, status=status, number=number)
                more = {"number": purged_onboardings.c.number + number}
                connection.execute(first.on_conflict_do_update(index_elements=["month", "status"], set_=more))
            # The rows of all other tables go with theirs.
            connection.execute(delete(onboardings).where(onboardings.c.id.in_([row.id for row in rows])))
        return len(rows)

    def forget_erased_customers(self) -> int:
        """The release before does not know `customer_purposes`, so what it erases stays in there.

        Nothing points at those few rows. So some of the table are looked at, from anywhere on, and all of a small one.
        """
        forgotten, after, is_again = 0, secrets.token_urlsafe(16), False
        for _ in range(self._slices):
            with self._transactions.reading() as connection:
                rows = connection.execute(_CUSTOMERS, {"after": after}).all()
            if erased := [row.onboarding_id for row in rows if row.is_erased]:
                with self._transactions.writing() as connection:
                    forgotten += connection.execute(_FORGET_CUSTOMERS, {"ids": erased}).rowcount
            if len(rows) < _SLICE and is_again:
                break
            is_again = is_again or len(rows) < _SLICE
            after = "" if len(rows) < _SLICE else rows[-1].onboarding_id
        return forgotten

    def forget_deleted(self) -> None:
        """SQLite overwrites what is deleted in its file; its write-ahead log holds it until then.

        While somebody reads, it keeps it. Where that lasts, the next time follows within the hour.
        """
        if self._engine.dialect.name != "sqlite":
            return
        for _ in range(TRIES):
            # Waiting for readers, it would hold the write lock, and every write would wait with it.
            with self._transactions.reading() as connection, not_waiting_for_lock(connection):
                was_busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
            if not was_busy:
                return
            time.sleep(BETWEEN_TRIES)


def _month(created_at: object) -> str:
    return f"{created_at:%Y-%m}" if isinstance(created_at, datetime) else "unknown"
