"""Onboardings a second from the form to a ready hosted page, with a gu1 that takes 300 ms for each call."""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import create_engine, select

from e2e.bench.fleet import POSTGRESQL, SQLITE
from e2e.bench.speed.generator import Burst, Load
from e2e.bench.speed.part import Terms
from e2e.bench.speed.seeding import forms
from e2e.bench.speed.sides import Ground, cpu_of, ground
from e2e.bench.speed.tables import Table, milliseconds, rate
from portal.domain.stage import Stage
from portal.store.tables import history

LATENCY = 0.3
SECONDS = 10
"""Of forms at the goal's rate. A burst of one second says how many fit into a queue."""
_WARM_UP = 2
"""Seconds of forms at half the goal's rate, so that every process has done everything before."""
_MORE = 1.3
"""By how much the rate is above the goal at which it is seen what the portal carries."""
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
            one, forms_each = _Journeys(terms, here), SECONDS * goal
            one.burst(_WARM_UP * goal // 2, goal / 2)
            with cpu_of(here.portal) as cpu:
                crowded = one.burst(forms_each, goal * _MORE)
            found = one.ready_a_second(forms_each)
            burst = one.burst(forms_each, goal)
        each = cpu[0] / crowded.good
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
            wrong=dict(burst.wrong + crowded.wrong),
        )
        if wrong := burst.wrong + crowded.wrong:
            table.notes.append(f"{database}, {workers}: {dict(wrong)} instead of a 303")
    table.notes.append(
        f"Forms of {SECONDS} seconds at the goal's rate, each of which needs four calls of gu1. What becomes ready a "
        f"second, and its CPU, are of as many forms sent {_MORE} times as fast: the middle four fifths, because the "
        f"first is ready only after four calls, whatever the rate. The forms' times are of others at the goal's rate."
    )
    return [table]


class _Journeys:
    def __init__(self, terms: Terms, here: Ground) -> None:
        self._terms = terms
        self._here = here
        self._begun = 0

    def burst(self, onboardings: int, rate: float) -> Burst:
        """However many become ready in time, all are in the end."""
        requests = forms(self._here.portal, onboardings, seed=self._begun + 1)
        load = Load(self._here.portal.url, requests, _CONNECTIONS, _PATIENCE, rate=rate, repeats=False, grace=30.0)
        burst = self._terms.generator.run(load)
        self._begun += burst.good
        deadline = time.monotonic() + _PATIENCE
        while len(self._became_ready()) < self._begun:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(self._became_ready())} of {self._begun} are ready after {_PATIENCE:.0f} s")
            time.sleep(0.2)
        return burst

    def ready_a_second(self, onboardings: int) -> float:
        """Of the last ones."""
        moments = self._became_ready()[-onboardings:]
        left_out = len(moments) // 10
        middle = moments[left_out : len(moments) - left_out]
        return (len(middle) - 1) / (middle[-1] - middle[0]).total_seconds()

    def _became_ready(self) -> list[datetime]:
        engine = create_engine(self._here.database_url)
        moments = select(history.c.at).where(history.c.new_stage == Stage.READY).order_by(history.c.at)
        with engine.connect() as connection:
            found = list(connection.scalars(moments))
        engine.dispose()
        return found
