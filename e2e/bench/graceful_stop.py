"""SIGTERM under load: running work is finished or released; nobody waits for a lease and nothing is lost."""

from __future__ import annotations

import random
import time
from pathlib import Path

from sqlalchemy import create_engine, func, select

from e2e.bench.applicant_pool import Fault, count
from e2e.bench.fleet import Fleet, database_of
from e2e.bench.interrupted_visitor import InterruptedVisitor
from e2e.bench.report import Line
from e2e.bench.scenario import fleet_on, tell, under_load
from portal.domain.validation import CreationState
from portal.store.tables import onboardings, validations

TIMES = 20
LONGEST = 10.0
"""Seconds between a container's SIGTERM and its SIGKILL."""
_PATIENCE = 150.0
_SLOW = 0.3
_ALWAYS = 1_000_000
_RECONCILES = "outcome unknown"
"""Logged if the portal does not know the result of its request for a validation."""


def graceful_stops(folder: Path, database: str, *, seed: int, times: int = TIMES, places: int = 12) -> Line:
    """One replica, so every remaining lease is its own; seconds are those until the process exits."""
    line = Line("SIGTERM under load", "random instants", database)
    chance, took = random.Random(seed), []
    folder.mkdir(parents=True)

    def worst(running: Fleet, _visitors: list[InterruptedVisitor]) -> list[float]:
        tell(running.gu1, "faults", kind="latency", seconds=_SLOW, times=_ALWAYS)
        replica = running.replicas[0]
        for _ in range(times):
            time.sleep(chance.uniform(1.0, 3.0))
            began = time.monotonic()
            replica.stop()
            took.append(time.monotonic() - began)
            count(line, _left_behind(running))
            replica.start()
        return []

    with database_of(database, folder) as url, fleet_on(folder, url, time_scale=1.0) as running:
        under_load(line, running, worst, seed=seed, places=places, patience=_PATIENCE)
        unknown = running.replicas[0].log.read_text().count(_RECONCILES)
    line.seconds = took
    late = [("stuck", f"took {seconds:.1f} s to end") for seconds in took if seconds > LONGEST]
    count(line, [*late, *([("wrong", f"{unknown} answers of gu1 were lost")] if unknown else [])])
    return line


def _left_behind(running: Fleet) -> list[Fault]:
    engine = create_engine(running.database_url)
    leased = select(func.count()).where(onboardings.c.lease_until.is_not(None))
    sent = select(func.count()).where(validations.c.creation_state == CreationState.SENT.value)
    try:
        with engine.connect() as connection:
            claims, lost = connection.scalar(leased) or 0, connection.scalar(sent) or 0
    finally:
        engine.dispose()
    return [("stuck", "a lease was left to expire")] * claims + [("wrong", "a request was left unanswered")] * lost
