"""Locks onboardings and lets them be changed, one in a transaction or several."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, bindparam, select

from portal.domain.errors import PortalError, StoreUnavailable, UnknownOnboarding
from portal.domain.onboarding import Onboarding
from portal.services.meter import Meter
from portal.store.encryption import ColumnCipher
from portal.store.group_commit import RowChange
from portal.store.key_lists import by_keys
from portal.store.locked_onboarding import Consequences, LockedRow
from portal.store.mapping import joined, read_onboarding
from portal.store.pending_writes import PendingWrites
from portal.store.stage_log import StageLog
from portal.store.tables import onboardings, validations
from portal.store.transactions import Transactions

_BY_ID = joined().where(onboardings.c.id == bindparam("id"))
BY_IDS = by_keys(lambda any_of: joined().where(any_of(onboardings.c.id, "ids")).order_by(onboardings.c.due_at))
_OWNER_OF_GU1_ID = select(validations.c.onboarding_id).where(validations.c.gu1_id == bindparam("gu1_id"))
_OWNERS_OF_GU1_IDS = by_keys(
    lambda any_of: select(validations.c.gu1_id, validations.c.onboarding_id).where(any_of(validations.c.gu1_id, "ids"))
)
_LOCK = select(onboardings.c.id).where(onboardings.c.id == bindparam("id")).with_for_update()
# Nobody waits, so two processes that lock the same ones in another order do not wait for each other either.
_LOCK_FREE = by_keys(
    lambda any_of: select(onboardings.c.id).where(any_of(onboardings.c.id, "ids")).with_for_update(skip_locked=True)
)


log = logging.getLogger(__name__)


class RowLocks:
    def __init__(
        self, transactions: Transactions, cipher: ColumnCipher, consequences: Consequences, meter: Meter
    ) -> None:
        self._transactions = transactions
        self._cipher = cipher
        self._consequences = consequences
        self._meter = meter

    @contextmanager
    def writing(self) -> Iterator[tuple[Connection, PendingWrites, StageLog]]:
        stage_log = StageLog(self._meter)
        with self._transactions.writing() as connection:
            pending = PendingWrites(connection, stage_log)
            yield connection, pending, stage_log
            pending.flush()
        stage_log.write()

    @contextmanager
    def locked(self, find: Callable[[Connection], str | None]) -> Iterator[LockedRow | None]:
        with self.writing() as (connection, pending, _):
            found = find(connection)
            row = self.lock(connection, found, pending) if found else None
            yield row
        if row:
            self._after_commit([row])

    @contextmanager
    def locked_by_id(self, onboarding_id: str) -> Iterator[LockedRow]:
        with self.locked(lambda _connection: onboarding_id) as row:
            if row is None:
                raise UnknownOnboarding(onboarding_id)
            yield row

    @contextmanager
    def locked_by_validation(self, gu1_id: str) -> Iterator[LockedRow | None]:
        with self.locked(lambda connection: connection.scalar(_OWNER_OF_GU1_ID, {"gu1_id": gu1_id})) as row:
            yield row

    def change_together(self, changes: Sequence[RowChange]) -> list[RowChange]:
        """`together` of `GroupCommit`."""
        results: list[tuple[RowChange, Any]] = []
        refused: list[tuple[RowChange, PortalError]] = []
        locked_elsewhere: list[RowChange] = []
        with self.writing() as (connection, pending, _):
            owners = _owners(connection, changes)
            rows = self._lock_free(connection, {it for it in owners if it}, pending)
            for change, owner in zip(changes, owners, strict=True):
                if owner is None:
                    results.append((change, None))
                elif owner not in rows:
                    locked_elsewhere.append(change)
                else:
                    writes = pending.writes
                    try:
                        results.append((change, change.run(rows[owner])))
                    except PortalError as error:
                        if pending.writes != writes:
                            raise
                        refused.append((change, error))
        self._after_commit(rows.values())
        for change, result in results:
            change.result.set_result(result)
        for change, refusal in refused:
            change.fail(refusal)
        return locked_elsewhere

    def change_alone(self, change: RowChange) -> Any:
        """`alone` of `GroupCommit`."""
        if change.onboarding_id:
            with self.locked_by_id(change.onboarding_id) as row:
                return change.run(row)
        with self.locked_by_validation(change.gu1_id or "") as owner:
            return change.run(owner) if owner else None

    def lock(self, connection: Connection, onboarding_id: str, pending: PendingWrites) -> LockedRow | None:
        # Two statements: on PostgreSQL, one that both locks and joins would wait for the lock and then
        # return the validation as it was before the wait. On SQLite whoever writes has the only lock.
        if connection.dialect.name == "postgresql":
            connection.execute(_LOCK, {"id": onboarding_id})
        onboarding = find_onboarding(connection, onboarding_id, self._cipher)
        return self._locked_row(connection, onboarding, pending) if onboarding else None

    def _lock_free(self, connection: Connection, ids: Collection[str], pending: PendingWrites) -> dict[str, LockedRow]:
        """Those that nobody else has locked."""
        dialect = connection.dialect.name
        if dialect == "postgresql":
            ids = connection.scalars(_LOCK_FREE[dialect], {"ids": list(ids)}).all()
        rows = connection.execute(BY_IDS[dialect], {"ids": list(ids)}).mappings()
        found = [read_onboarding(row, self._cipher) for row in rows]
        return {it.id: self._locked_row(connection, it, pending) for it in found}

    def _locked_row(self, connection: Connection, onboarding: Onboarding, pending: PendingWrites) -> LockedRow:
        return LockedRow(connection, self._cipher, onboarding, self._consequences, pending)

    def _after_commit(self, rows: Collection[LockedRow]) -> None:
        """Never fails, because the changes are kept."""
        consequences = self._consequences
        for is_due, consequence in (
            (any(row.has_notification for row in rows), consequences.on_notification),
            (any(row.has_mail for row in rows), consequences.on_mail),
            (any(row.is_erased_now for row in rows), consequences.on_erasure),
        ):
            if is_due:
                try:
                    consequence()
                except StoreUnavailable:
                    pass  # workers also look by themselves
                except Exception:
                    log.exception("what follows from a change failed")


def find_onboarding(connection: Connection, onboarding_id: str, cipher: ColumnCipher) -> Onboarding | None:
    row = connection.execute(_BY_ID, {"id": onboarding_id}).mappings().first()
    return read_onboarding(row, cipher) if row else None


def _owners(connection: Connection, changes: Sequence[RowChange]) -> list[str | None]:
    """The onboarding that each change is of."""
    gu1_ids = [it.gu1_id for it in changes if it.gu1_id]
    owners: Mapping[str, str] = {}
    if gu1_ids:
        found = connection.execute(_OWNERS_OF_GU1_IDS[connection.dialect.name], {"ids": gu1_ids})
        owners = {row.gu1_id: row.onboarding_id for row in found}
    return [it.onboarding_id or owners.get(it.gu1_id or "") for it in changes]
