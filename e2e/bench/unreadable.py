"""Rows that this release cannot read: written by a newer one or edited by hand. Others must not be affected."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from sqlalchemy import Connection, create_engine, text

from e2e.bench.applicant_pool import ApplicantPool, Fault, applicant_pool, count, judged
from e2e.bench.applicants import BY_NAME, Applicant
from e2e.bench.fleet import DATABASES, POSTGRESQL, Fleet, database_of
from e2e.bench.report import Line
from e2e.bench.scenario import fleet_on, kind_of
from e2e.pages.forms import onboarding_id
from tests.local_http import LOCAL

BESIDE = 6
"""Newcomers at once."""
_PATIENCE = 60.0
_MUCH_SLOWER = 3
"""Times the usual duration; the machine has other work too."""
_LOOSER = (
    "ALTER TABLE validations DROP CONSTRAINT ck_validations_status",
    "ALTER TABLE validations ALTER status DROP NOT NULL",
    "ALTER TABLE onboardings DROP CONSTRAINT ck_onboardings_trouble",
)


@dataclass(frozen=True)
class Spoilt:
    """A column and its bad value, one per database if they differ."""

    name: str
    column: str
    value: object
    on_postgresql: object = None
    is_replaced: bool = False
    """Whether the runner itself makes the row readable again."""

    def on(self, kind: str) -> object:
        return self.on_postgresql if kind == POSTGRESQL and self.on_postgresql else self.value

    @property
    def table(self) -> str:
        return self.column.partition(".")[0]

    @property
    def key(self) -> str:
        return "id" if self.table == "onboardings" else "onboarding_id"


ROWS = (
    Spoilt("a newer release's word", "validations.status", "escalated"),
    Spoilt("a newer release's trouble", "onboardings.trouble", "frozen"),
    Spoilt("bytes that no key opens", "validations.session_url_sealed", b"junk"),
    Spoilt("a status of NULL", "validations.status", None),
    Spoilt("a nonsense time", "onboardings.updated_at", "next tuesday", "infinity"),
    Spoilt("a nonsense due time", "onboardings.due_at", "0000 tuesday", "-infinity", is_replaced=True),
    Spoilt("a nonsense end", "validations.expires_at", "tomorrow", "infinity"),
)


def run(folder: Path, *, seed: int, databases: Sequence[str] = DATABASES, rows: Sequence[Spoilt] = ROWS) -> list[Line]:
    lines = []
    for kind in databases:
        with ExitStack() as stack:
            url = stack.enter_context(_database(kind, folder / f"unreadable-{kind}"))
            running = stack.enter_context(fleet_on(folder / f"unreadable-{kind}", url))
            lines += asyncio.run(_tried(running, rows, seed))
    return lines


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    folder.mkdir(parents=True, exist_ok=True)
    with database_of(kind, folder) as url:
        yield url


async def _tried(running: Fleet, rows: Sequence[Spoilt], seed: int) -> list[Line]:
    kind = kind_of(running.database_url)
    if kind == POSTGRESQL:
        with _by_hand(running) as connection:
            for statement in _LOOSER:
                connection.execute(text(statement))
    lines = []
    async with applicant_pool(running.urls, seed) as people:
        usual = median(await _newcomers(people))
        for row in rows:
            line = Line("a row that cannot be read", row.name, kind)
            before = len(people.intents)
            count(line, await _spoilt(row, line, running, people, usual))
            line.runs += len(people.intents) - before
            count(line, judged(people.intents[before:], _own(running, people, before)))
            print(f"{kind}, {row.name}: others ready in {median(line.seconds):.2f} s, usually {usual:.2f} s")
            lines.append(line)
    return lines


async def _spoilt(row: Spoilt, line: Line, running: Fleet, people: ApplicantPool, usual: float) -> list[Fault]:
    victim = people.newcomer(BY_NAME["leave"])
    await victim.goes()
    found: list[Fault] = []
    link = victim.intent.link or ""
    was = _kept(running, row, link)
    _put(running, row, link, row.on(kind_of(running.database_url)))
    line.seconds += await _newcomers(people)
    if median(line.seconds) > _MUCH_SLOWER * usual + 1:
        found.append(("stuck", "others had to wait for it"))
    answers = [httpx.get(running.urls[0] + link + path, **LOCAL) for path in ("", "/status", "/continue")]
    dishonest = [it.status_code for it in answers if not (row.is_replaced or _is_honest(it))]
    if dishonest:
        found.append(("bare", f"its pages were answered with {dishonest}"))
    if not await _is_logged(running, onboarding_id(link)):
        found.append(("wrong", "the log does not name it"))
    _put(running, row, link, was)
    try:
        async with asyncio.timeout(_PATIENCE):
            await _gets_on(victim, running.urls[0])
    except TimeoutError:
        found.append(("stuck", "mended, its page does not come back"))
    return found


async def _is_logged(running: Fleet, id: str) -> bool:
    """The runner may come to the row after the newcomers."""
    for _ in range(50):
        if id in running.replicas[0].log.read_text():
            return True
        await asyncio.sleep(0.1)
    return False


def _is_honest(answer: httpx.Response) -> bool:
    return answer.status_code in {500, 503} and 'href="/o/' in answer.text


async def _gets_on(victim: Applicant, url: str) -> None:
    """After the repair the applicant continues."""
    while httpx.get(f"{url}{victim.intent.link}/status", **LOCAL).status_code >= 500:
        await asyncio.sleep(0.1)
    await victim.sees("ready", "waiting")
    victim.intent.stage = victim.intent.plan.ends


async def _newcomers(people: ApplicantPool) -> list[float]:
    return await asyncio.gather(*(_ready_in(people) for _ in range(BESIDE)))


async def _ready_in(people: ApplicantPool) -> float:
    """The seconds that a newcomer needs to reach the hosted page; at most the timeout."""
    applicant = people.newcomer(BY_NAME["leave"])
    began = time.monotonic()
    try:
        async with asyncio.timeout(_PATIENCE):
            await applicant.goes()
    except TimeoutError:
        applicant.intent.problem = "did not get on beside it"
    return time.monotonic() - began


def _own(running: Fleet, people: ApplicantPool, first: int) -> list[dict[str, Any]]:
    ids = {onboarding_id(intent.link) for intent in people.intents[first:] if intent.link}
    return [row for row in running.ledger() if row["onboarding"] in ids]


def _kept(running: Fleet, row: Spoilt, link: str) -> object:
    query = text(f"SELECT {row.column} FROM {row.table} WHERE {row.key} = :id")
    with _by_hand(running) as connection:
        return connection.execute(query, {"id": onboarding_id(link)}).scalar()


def _put(running: Fleet, row: Spoilt, link: str, value: object) -> None:
    """Makes the row due at once, so that the runner reads it."""
    given = {"id": onboarding_id(link), "value": value, "due": datetime.now(UTC) - timedelta(minutes=1)}
    where = f"{row.table} SET {row.column.partition('.')[2]} = :value WHERE {row.key} = :id"
    with _by_hand(running) as connection:
        if row.column != "onboardings.due_at":
            connection.execute(text("UPDATE onboardings SET due_at = :due WHERE id = :id"), given)
        connection.execute(text(f"UPDATE {where}"), given)


@contextmanager
def _by_hand(running: Fleet) -> Iterator[Connection]:
    """A connection without constraint checks."""
    engine = create_engine(running.database_url)
    try:
        with engine.begin() as connection:
            if kind_of(running.database_url) != POSTGRESQL:
                connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
                connection.exec_driver_sql("PRAGMA writable_schema = ON")
                connection.exec_driver_sql(
                    "UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '') WHERE type = 'table'"
                )
            yield connection
    finally:
        engine.dispose()
