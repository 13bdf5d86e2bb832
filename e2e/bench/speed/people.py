"""How many people may wait at once, each at an own page with an own connection, all on this machine.

They have been waiting for a while: their pages are noted as open every half minute, and gu1 is read for each of them
as often as it usually is. Some thousands who come in the same second are another matter, and not measured here.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy import bindparam, create_engine, select, update

from e2e.bench.speed.generator import Burst, Load, Request, Right, get
from e2e.bench.speed.part import Terms
from e2e.bench.speed.seeding import HTMX, poll_url, seeded
from e2e.bench.speed.sides import Ground, Memory, cpu_of, ground, memory_of
from e2e.bench.speed.tables import Table, mebibytes, milliseconds
from portal.domain.timings import Timings
from portal.services.view_recorder import VIEW_RECORDED_EVERY
from portal.store.tables import onboardings
from tests.local_http import LOCAL

PACE = 3.0
"""Seconds between two polls of a person."""
STEPS = (1000, 4000, 8000, 11_000, 15_000, 18_000)
GOAL = 15_000
_MOST_P99 = 0.05
_SECONDS = 30.0
"""So long that everybody's view is noted once."""
_FULL_SHARE = 0.97
"""Of the polls that were due, how many must have been answered in time."""


def people(terms: Terms) -> list[Table]:
    table = Table("people", ("people", "p50", "p99", "server's cores", "generator's cores", "memory (PSS)", "holds"))
    memory = Table("memory", ("2 workers", "RSS", "PSS", "goal"))
    with ground(terms.folder / "people", terms.databases[0]) as here:
        time.sleep(2.0)
        _add_memory(memory, "idle", memory_of(here.portal), "≤ 180 MB")
        links = seeded(here, STEPS[-1])
        most, held = 0, memory_of(here.portal)
        for number in STEPS:
            burst, cpu, used = _step(terms, here, links[:number])
            _add(table, number, burst, cpu, used)
            if not _holds(burst, number):
                break
            most, held = number, used
        _add_memory(memory, f"at {most:,} people", held, "≤ 450 MB")
    table.notes.append(f"{most:,} people at a {PACE:.0f} s pace with p99 ≤ 50 ms; the goal is {GOAL:,}.")
    memory.notes.append("RSS counts what the processes share once for each of them, PSS once in all.")
    return [table, memory]


def _step(terms: Terms, here: Ground, links: list[str]) -> tuple[Burst, float, Memory]:
    used = memory_of(here.portal)
    for _ in range(2):
        as_if_waiting(here)
        requests = _polls(here, links)
        load = Load(here.portal.url, requests, len(links), _SECONDS, rate=len(links) / PACE)
        with cpu_of(here.portal) as cpu:
            burst = terms.generator.run(load)
        used = memory_of(here.portal)
        # What is shown may have changed by time alone; then once more.
        if not any("200" in it for it in burst.wrong):
            break
    return burst, cpu[0], used


def as_if_waiting(here: Ground) -> None:
    """Spreads the last view and the next read of each over their intervals."""
    engine, now = create_engine(here.database_url), datetime.now(UTC)
    seen, read = VIEW_RECORDED_EVERY.total_seconds(), Timings().review_refresh
    moments = (
        update(onboardings)
        .where(onboardings.c.id == bindparam("one"))
        .values(watched_at=bindparam("seen_at"), due_at=bindparam("read_at"))
    )
    with engine.begin() as connection:
        ids = connection.scalars(select(onboardings.c.id).where(onboardings.c.due_at.is_not(None))).all()
        connection.execute(
            moments,
            [
                {
                    "one": it,
                    "seen_at": now - timedelta(seconds=random.uniform(0, seen)),
                    "read_at": now + timedelta(seconds=random.uniform(0, read)),
                }
                for it in ids
            ],
        )
    engine.dispose()


def _polls(here: Ground, links: list[str]) -> list[Request]:
    """All copies show the same, so one version is everybody's."""
    with httpx.Client(base_url=here.portal.url, **LOCAL) as client:
        version = poll_url(client, links[-1]).partition("?")[2]
    return [get(here.portal.url, f"{it}/status?{version}", Right(204), HTMX) for it in links]


def _holds(burst: Burst, number: int) -> bool:
    due = number / PACE * _SECONDS
    return not burst.wrong and burst.good >= _FULL_SHARE * due and burst.percentile(0.99) <= _MOST_P99


def _add(table: Table, number: int, burst: Burst, cpu: float, used: Memory) -> None:
    holds = _holds(burst, number)
    wrong = f"no: {dict(burst.wrong)}" if burst.wrong else "no"
    table.add(
        f"{number:,}",
        milliseconds(burst.percentile(0.5)),
        milliseconds(burst.percentile(0.99)),
        f"{cpu / burst.seconds:.2f}",
        f"{burst.generator_cpu / burst.seconds:.2f}",
        mebibytes(used.proportional),
        "yes" if holds else wrong,
        people=number,
        p99=burst.percentile(0.99),
        holds=holds,
    )


def _add_memory(table: Table, when: str, used: Memory, goal: str) -> None:
    table.add(
        when, mebibytes(used.resident), mebibytes(used.proportional), goal, rss=used.resident, pss=used.proportional
    )
