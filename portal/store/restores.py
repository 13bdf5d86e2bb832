"""When the database was restored from a backup: what happened between the backup and then is unknown here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, func, select, update

from portal.store.column_types import Unreadable
from portal.store.tables import mails, onboardings, restores
from portal.store.transactions import Transactions, insert

SEQUENCES = 1_000_000
"""By which a restore moves the numbers of notifications on; no onboarding has so many of them."""

last_before = (
    select(func.max(restores.c.number)).where(restores.c.restored_at >= onboardings.c.created_at).scalar_subquery()
)
"""In a query of an onboarding: the number of the last restore since it began; null without one."""

_LAST = select(func.max(restores.c.restored_at))


def last_restore(connection: Connection) -> datetime | None:
    found = connection.scalar(_LAST)
    return None if isinstance(found, Unreadable) else found


class Restores:
    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)

    def record(self, now: datetime) -> int:
        """The restore's number. From now on, whatever began before `now` is looked for at gu1 before it is paid."""
        with self._transactions.writing() as connection:
            number = (connection.scalar(select(func.max(restores.c.number))) or 0) + 1
            connection.execute(insert(connection, restores).values(number=number, restored_at=now))
            # They may have been sent after the backup, and nobody gets a mail twice.
            waiting = update(mails).where(mails.c.due_at.is_not(None))
            connection.execute(waiting.values(due_at=None, outcome="may have been sent before the restore"))
        return number
