"""SIGKILL at a commit: a process of the portal kills its own group right before or after it.

Kinds of commits, in the order of an onboarding's life:

    intent     a new onboarding               moved      gu1 reported progress or review
    claim      a runner takes a lease         verdict    a final status
    sent       the paid request is recorded,  looked     a refresh without a change
               and gu1's entity if it is new  webhook    a webhook is recorded after it was applied
    unsure     its answer was lost            retry      the next validation is planned
    adopted    gu1's answer is stored         readopted  gu1's answer to the retry is stored
    shown      the hosted page was opened     stopped    the applicant stopped it
    watched    somebody opens the page        cancelled  the stopped validation was cancelled at gu1
    saved      any other change of an onboarding

`any` matches all of them. The nth matching commit after the plan was made kills, once.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import Pool

from e2e.servers import Server
from portal.domain.status import FINAL

KILL_FILE = "BENCH_KILL_FILE"
_WRITTEN = "bench_written"
_CLAIM = "WITH submitted"
"""First words of a runner's lease statement: the name of its first step."""
_STATEMENT = re.compile(rf"({_CLAIM})|(INSERT INTO|UPDATE) (\w+)")

Written = Mapping[str, Mapping[str, Any]]
"""What was written: statement and table → values. On SQLite a transaction has one of these for each who shares it."""


def plan_kill(server: Server, when: str, kind: str, nth: int = 1) -> None:
    """`when`: before or after."""
    _write(Path(server.env[KILL_FILE]), f"{when} {kind} {nth}")


def cancel_kill(server: Server) -> None:
    Path(server.env[KILL_FILE]).unlink(missing_ok=True)


def await_kill(server: Server, within: float = 20.0) -> bool:
    """Whether the kill happened; the server can be started again afterwards."""
    deadline = time.monotonic() + within
    while server.process is not None and server.process.poll() is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    server.kill()
    return True


class CommitKiller:
    """Listens to every SQLAlchemy engine of this process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def listen(self) -> None:
        event.listen(Engine, "before_cursor_execute", self._note)
        event.listen(Engine, "commit", self._before_commit)
        event.listen(Engine, "rollback", self._forget)
        event.listen(Engine, "savepoint", self._begin_part)
        event.listen(Engine, "rollback_savepoint", self._forget_part)
        event.listen(Pool, "checkin", self._after_commit)

    def _note(self, connection: Connection, _c: object, statement: str, _p: object, context: Any, _m: object) -> None:
        found = _STATEMENT.match(statement)
        if found:
            values = context.compiled_parameters[0] if context and context.compiled_parameters else {}
            connection.info.setdefault(_WRITTEN, [{}])[-1][found[0]] = values

    def _begin_part(self, connection: Connection, _name: str) -> None:
        connection.info.setdefault(_WRITTEN, [{}]).append({})

    def _forget_part(self, connection: Connection, _name: str, _context: None) -> None:
        connection.info[_WRITTEN].pop()

    def _before_commit(self, connection: Connection) -> None:
        self._kill_if_planned("before", connection.info.get(_WRITTEN, []))

    def _forget(self, connection: Connection) -> None:
        connection.info.pop(_WRITTEN, None)

    def _after_commit(self, _connection: object, record: Any) -> None:
        """A connection goes back to its pool right after the commit."""
        self._kill_if_planned("after", record.info.pop(_WRITTEN, []))

    def _kill_if_planned(self, when: str, written: Sequence[Written]) -> None:
        kinds = [kind for kind in map(kind_of, written) if kind]
        if not kinds:
            return
        try:
            planned, wanted, left = self._path.read_text().split()
        except FileNotFoundError:
            return
        matching = len(kinds) if wanted == "any" else kinds.count(wanted)
        if planned != when or not matching:
            return
        if int(left) > matching:
            _write(self._path, f"{planned} {wanted} {int(left) - matching}")
            return
        self._path.unlink(missing_ok=True)
        os.killpg(os.getpgrp(), signal.SIGKILL)


def kind_of(written: Written) -> str | None:
    """None for commits that are not counted."""
    if _CLAIM in written:
        return "claim"
    if "INSERT INTO webhook_deliveries" in written:
        return "webhook"
    if "INSERT INTO onboardings" in written:
        return "intent"
    onboarding = written.get("UPDATE onboardings")
    validation = written.get("INSERT INTO validations") or written.get("UPDATE validations")
    if onboarding is None:
        return None
    if validation is None or "creation_state" not in validation:
        return "saved" if "submission" in onboarding else "watched"
    if onboarding["stopped_at"]:
        return "stopped" if onboarding["due_at"] else "cancelled"
    return _kind_of_validation(onboarding, validation)


def _kind_of_validation(onboarding: Mapping[str, Any], validation: Mapping[str, Any]) -> str:
    if validation["creation_state"] == "planned":
        if onboarding["entity_id"] is None or validation["sends"]:
            return "saved"
        return "saved" if validation["number"] == 1 else "retry"
    if validation["creation_state"] == "sent":
        return "sent" if onboarding["lease_until"] else "unsure"
    if validation["refreshes"]:
        return "looked"
    if validation["status"] == "pending":
        if validation["number"] > 1:
            return "readopted"
        return "opened" if validation["opened_at"] else "adopted"
    return "verdict" if validation["status"] in FINAL else "moved"


def _write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)
