"""Onboardings a second from the form to a ready hosted page, with a gu1 that takes 300 ms for each call."""

from __future__ import annotations

from sqlalchemy import create_engine, select

from e2e.bench.fleet import POSTGRESQL, SQLITE
from e2e.bench.speed.generator import Load
from e2e.bench.speed.part import Terms
from e2e.bench.speed.seeding import forms, wait_until_adopted
from e2e.bench.speed.sides import Ground, cpu_of, ground
from e2e.bench.speed.tables import Table, milliseconds, rate
from portal.domain.stage import Stage
from portal.store.tables import history

LATENCY = 0.3
ONBOARDINGS = 300
_CONNECTIONS = 32
_PATIENCE = 120.0
CASES = ((SQLITE, 1, 100), (POSTGRESQL, 1, 100), (POSTGRESQL, 4, 250))
"""Database, worker processes, and how many onboardings a second they should reach."""


def journeys(terms: Terms) -> list[Table]:
    table = Table(
        "journeys",
        ("database", "processes", "ready a second", "goal", "form p50", "form p99", "goal", "CPU each"),
    )
    for database, workers, goal in CASES:
        if database not in terms.databases:
            continue
        with ground(
            terms.folder / f"journeys-{database}-{workers}", database, latency=LATENCY, workers=workers
        ) as here:
            requests = forms(here.portal, ONBOARDINGS)
            # The forms of the goal's rate, however many of them become ready in time.
            load = Load(here.portal.url, requests, _CONNECTIONS, _PATIENCE, rate=float(goal), repeats=False, grace=30.0)
            with cpu_of(here.portal) as cpu:
                burst = terms.generator.run(load)
                wait_until_adopted(here, burst.good, _PATIENCE)
            each = cpu[0] / burst.good
            found = _ready_a_second(here)
            table.add(
                database,
                str(workers),
                rate(found),
                f"≥ {goal}/s",
                milliseconds(burst.percentile(0.5)),
                milliseconds(burst.percentile(0.99)),
                "≤ 60 ms",
                milliseconds(each),
                workers=workers,
                rate=found,
                form_p99=burst.percentile(0.99),
                cpu_each=each,
                wrong=dict(burst.wrong),
            )
            if burst.wrong:
                table.notes.append(f"{database}, {workers}: {dict(burst.wrong)} instead of a 303")
    table.notes.append(
        f"{ONBOARDINGS} forms, sent at the rate of the goal; each needs four calls of gu1. The rate is that of the "
        "middle four fifths: the first is ready only after four calls, whatever the rate."
    )
    return [table]


def _ready_a_second(ground: Ground) -> float:
    engine = create_engine(ground.database_url)
    became_ready = select(history.c.at).where(history.c.new_stage == Stage.READY).order_by(history.c.at)
    with engine.connect() as connection:
        moments = connection.scalars(became_ready).all()
    engine.dispose()
    left_out = len(moments) // 10
    middle = moments[left_out : len(moments) - left_out]
    return (len(middle) - 1) / (middle[-1] - middle[0]).total_seconds()
