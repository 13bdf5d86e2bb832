"""Deletes onboardings that nobody needs any more, with all that belongs to them, and keeps how many there were."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import Engine, Integer, and_, bindparam, delete, select

from portal.store.row_leases import moment
from portal.store.tables import onboardings, purged_onboardings, validations
from portal.store.transactions import Transactions, insert

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


class OnboardingRetention:
    """Fills `portal.services.ports.Retention`."""

    def __init__(self, engine: Engine) -> None:
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

    def forget_deleted(self) -> None:
        """SQLite overwrites what is deleted in its file; its write-ahead log holds it until then.

        While others read, it keeps it for now. The next time follows within the hour.
        """
        if self._engine.dialect.name != "sqlite":
            return
        with self._transactions.reading() as connection:
            patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
            # It holds the write lock while it waits for readers, and every write would wait with it.
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
            try:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={patience}")


def _month(created_at: object) -> str:
    return f"{created_at:%Y-%m}" if isinstance(created_at, datetime) else "unknown"
