"""How many updates of onboardings PostgreSQL makes without touching an index (HOT), over whole journeys.

    python -m e2e.bench.hot_updates [--journeys 200]

A private cluster with default settings, one replica, and applicants who come from the form to an approval.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
from pathlib import Path

from e2e.bench.applicant_pool import applicant_pool
from e2e.bench.applicants import BY_NAME
from e2e.bench.command import run_command
from e2e.bench.fleet import Fleet
from e2e.bench.scenario import cluster, fleet_on
from tests.postgres import connected, new_database

_CONCURRENCY = 6
_SHARES = """SELECT relname, n_tup_ins, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
             WHERE n_tup_upd > 0 ORDER BY n_tup_upd DESC"""


def measured(journeys: int) -> list[tuple[str, int, int, int]]:
    """For each table that was updated: rows inserted, updates, and how many of these were HOT."""
    with (
        tempfile.TemporaryDirectory() as folder,
        cluster() as own,
        new_database(own.url) as database,
        fleet_on(Path(folder), database.render_as_string(hide_password=False)) as running,
    ):
        asyncio.run(_all_go(running, journeys))
        for replica in running.replicas:
            replica.stop()  # whose connections report their figures at their end
        with connected(database) as connection:
            return [tuple(row) for row in connection.execute(_SHARES).fetchall()]


async def _all_go(running: Fleet, journeys: int) -> None:
    numbers = itertools.count()
    async with applicant_pool(running.urls, seed=1) as people:

        async def some() -> None:
            while next(numbers) < journeys:
                await people.newcomer(BY_NAME["approve"]).goes()

        await asyncio.gather(*(some() for _ in range(_CONCURRENCY)))


def main() -> None:
    told = argparse.ArgumentParser(prog="python -m e2e.bench.hot_updates")
    told.add_argument("--journeys", type=int, default=200)
    print(f"{'table':<22}{'inserted':>10}{'updates':>10}{'HOT':>10}{'share':>8}")
    for table, inserted, updates, hot in measured(told.parse_args().journeys):
        print(f"{table:<22}{inserted:>10,}{updates:>10,}{hot:>10,}{hot / updates:>8.0%}")


if __name__ == "__main__":
    run_command(main)
