"""What kind of commit a process is about to make, as the rows in its transaction show it.

In the order of an onboarding's life:

    intent     a new onboarding               moved      gu1 reported progress or review
    claim      a runner takes a lease         verdict    a final status
    sent       the paid request is recorded,  looked     a refresh without a change
               and gu1's entity if it is new  webhook    a webhook is recorded with what it changes
    unsure     its answer was lost            retry      the next validation is planned
    adopted    gu1's answer is stored         readopted  gu1's answer to the retry is stored
    opened     the hosted page was opened     stopped    the applicant stopped it
    watched    pages that are open, saved     cancelled  the stopped validation was cancelled at gu1
               once a second, all at once     saved      any other change of an onboarding

A commit may be of two kinds: gu1's news come by webhook or by a read, whichever is first, and are a verdict either way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, event
from sqlalchemy.pool import Pool

from portal.domain.status import FINAL
from portal.domain.validation import CreationState
from portal.store.mapping import joined
from portal.store.tables import onboardings

Row = Mapping[str, Any]
"""An onboarding with its current validation, whose columns begin with `validation_`."""

_STATEMENT = re.compile(r"WITH (\w+)|(?:INSERT INTO|UPDATE) (\w+)")
_KINDS = {"submitted": "claim", "viewed": "watched", "webhook_deliveries": "webhook"}
"""By the first step of a statement for many onboardings, or by its table."""
_OWNERS = {"onboardings": ("this", "id"), "validations": ("this", "onboarding_id")}
"""Parameters that may hold the id of the onboarding that is written; those for many onboardings have none of them."""
_BY_ID = joined().where(onboardings.c.id == bindparam("id"))
_PARTS = "bench_parts"

Tell = Callable[[str, Sequence[set[str]]], None]
"""Gets `before` or `after`, and the kinds of each change."""


class CommitListener:
    """Reads and tells what is committed, while `is_on`: otherwise other benches would measure those reads as well."""

    def __init__(self, is_on: Callable[[], bool], tell: Tell) -> None:
        self._is_on = is_on
        self._tell = tell

    def listen(self, engine: Engine | type[Engine] = Engine, pool: Pool | type[Pool] = Pool) -> None:
        """To every engine of this process, or to one of them."""
        event.listen(engine, "before_cursor_execute", self._note)
        event.listen(engine, "commit", self._before_commit)
        event.listen(engine, "rollback", self._forget)
        event.listen(engine, "savepoint", self._begin_part)
        event.listen(engine, "rollback_savepoint", self._forget_part)
        event.listen(pool, "checkin", self._after_commit)

    def _note(self, connection: Connection, _c: object, statement: str, _p: object, context: Any, _m: object) -> None:
        if self._is_on():
            part = connection.info.setdefault(_PARTS, [_Part()])[-1]
            for parameters in (context and context.compiled_parameters) or [{}]:
                part.note(connection, statement, parameters)

    def _begin_part(self, connection: Connection, _name: str) -> None:
        parts = connection.info.setdefault(_PARTS, [_Part()])
        parts[-1].end(connection)
        parts.append(_Part())

    def _forget_part(self, connection: Connection, _name: str, _context: None) -> None:
        connection.info[_PARTS].pop()

    def _before_commit(self, connection: Connection) -> None:
        parts: list[_Part] = connection.info.get(_PARTS, [])
        if parts:
            parts[-1].end(connection)
            self._tell("before", [kinds for part in parts for kinds in part.kinds])

    def _forget(self, connection: Connection) -> None:
        connection.info.pop(_PARTS, None)

    def _after_commit(self, _connection: object, record: Any) -> None:
        """A connection goes back to its pool right after the commit."""
        parts: list[_Part] = record.info.pop(_PARTS, [])
        if parts:
            self._tell("after", [kinds for part in parts for kinds in part.kinds])


class _Part:
    """What one writer wrote in a transaction. On SQLite several share one, each behind a savepoint."""

    def __init__(self) -> None:
        self._kinds: set[str] = set()
        self._before: dict[str, Row | None] = {}
        self._after: dict[str, Row | None] = {}

    def note(self, connection: Connection, statement: str, parameters: Mapping[str, Any]) -> None:
        """Right before the statement is executed."""
        found = _STATEMENT.match(statement)
        if found is None:
            return
        name = found[1] or found[2]
        if name in _KINDS:
            self._kinds.add(_KINDS[name])
        owner = next((parameters[it] for it in _OWNERS.get(name, ()) if it in parameters), None)
        if owner is not None and owner not in self._before:
            self._before[owner] = _read(connection, owner)

    def end(self, connection: Connection) -> None:
        """Before anything else is written in the transaction, and before it is committed."""
        self._after = {owner: _read(connection, owner) for owner in self._before}

    @property
    def kinds(self) -> list[set[str]]:
        """Of the change of each onboarding, or of what was written without one."""
        changes = [kind_of(before, self._after.get(owner)) for owner, before in self._before.items()]
        return [self._kinds.union([kind] if kind else []) for kind in changes] or [self._kinds]


def _read(connection: Connection, onboarding_id: str) -> Row | None:
    row = connection.execute(_BY_ID, {"id": onboarding_id}).mappings().first()
    return dict(row) if row else None


def kind_of(before: Row | None, after: Row | None) -> str | None:
    """Of the change of one onboarding; None if there is none. By the rows, because only what changed is written."""
    if after is None or before == after:
        return None
    if before is None:
        return "intent"
    if after["stopped_at"]:
        if not before["stopped_at"]:
            return "stopped"
        return "cancelled" if before["due_at"] and not after["due_at"] else "saved"
    return _kind_of_validation(before, after)


def _kind_of_validation(before: Row, after: Row) -> str:
    number, state = after["validation_number"], after["validation_creation_state"]
    if number != before["validation_number"]:
        return "retry" if before["validation_number"] and state == CreationState.PLANNED else "saved"
    if state != before["validation_creation_state"]:
        if state == CreationState.ADOPTED:
            return "adopted" if number == 1 else "readopted"
        return "sent" if state == CreationState.SENT else "saved"
    if state == CreationState.SENT:
        return "unsure" if after["failures"] > before["failures"] else "saved"
    if after["validation_status"] != before["validation_status"]:
        return "verdict" if after["validation_status"] in FINAL else "moved"
    if after["validation_opened_at"] and not before["validation_opened_at"]:
        return "opened"
    has_looked = number is not None and after["validation_refreshes"] > before["validation_refreshes"]
    return "looked" if has_looked else "saved"
