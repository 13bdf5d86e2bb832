"""SIGKILL at chosen points of an onboarding, and a thousand times at random instants under load.

    python -m e2e.bench.kills --kills 1000 --seed 1 --json FILE

Seconds are from the kill to the applicant's next step, including the restart. The load goes on while replicas are
down: applicants repeat unanswered requests, as browsers and people do.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from e2e.bench.applicant_pool import ApplicantPool, applicant_pool, count, duplicates, judged, waits
from e2e.bench.command import finish, lower_priority, options, run_command
from e2e.bench.fleet import DATABASES, POSTGRESQL, SQLITE, Fleet, fleet
from e2e.bench.planned import planned_kills
from e2e.bench.points import COMMITS, WIRE
from e2e.bench.random_kill import KillLog, RandomKiller, still_there
from e2e.bench.report import Line

APPLICANTS = "applicants under random SIGKILLs"
RANDOM = "SIGKILL at random instants"
_PLACES = 12
_PATIENCE = 180.0
_ORPHANS_LIVE = 30.0


@dataclass(frozen=True, slots=True)
class Setting:
    replicas: int
    workers: int
    longest_life: float
    """Maximum seconds between a replica's restart and its next kill."""


SETTINGS = {SQLITE: Setting(1, 2, 1.5), POSTGRESQL: Setting(3, 2, 3.0)}


def run(
    *,
    seed: int,
    scale: float = 1.0,
    kills: int = 1000,
    times: int = 1,
    databases: Sequence[str] = DATABASES,
    folder: Path | None = None,
) -> list[Line]:
    """`kills` random kills, shared by the databases, and `times` kills at each point."""
    lines = []
    with tempfile.TemporaryDirectory(dir=folder) as own:
        for database in databases:
            at_points = Path(own) / f"points-{database}"
            lines += planned_kills(at_points, database, (*COMMITS, *WIRE), seed=seed, times=times)
        for database in databases:
            share = max(1, round(kills * scale / len(databases)))
            lines += random_kills(Path(own) / f"random-{database}", database, share, seed=seed)
    return lines


def random_kills(
    folder: Path,
    database: str,
    kills: int,
    *,
    seed: int,
    setting: Setting | None = None,
    places: int = _PLACES,
    time_scale: float = 0.1,
) -> list[Line]:
    """A line for each way to kill, and one for the applicants of the load."""
    setting = setting or SETTINGS[database]
    log = KillLog(kills)
    with fleet(folder, database, replicas=setting.replicas, workers=setting.workers, time_scale=time_scale) as running:
        chance = random.Random(seed)
        killers = [
            RandomKiller(replica, setting.workers, random.Random(chance.random()), log, setting.longest_life)
            for replica in running.replicas
        ]

        async def under_load() -> list[Line]:
            async with applicant_pool(running.urls, seed) as people:
                await people.keep_busy(places, lambda: _killing(killers), patience=_PATIENCE)
                _tell(log, people, running)
                return await _lines(log, people, running, database)

        lines = asyncio.run(under_load())
        _orphans_end(set().union(*(killer.groups for killer in killers)), lines[-1])
    return lines


async def _killing(killers: Sequence[RandomKiller]) -> None:
    async with asyncio.TaskGroup() as group:
        for killer in killers:
            group.create_task(killer.run())


async def _lines(log: KillLog, people: ApplicantPool, running: Fleet, database: str) -> list[Line]:
    applicants = Line(APPLICANTS, "", database, runs=len(people.intents))
    deadline = time.monotonic() + _PATIENCE
    while faults := judged(people.intents, running.ledger(), people.door.bare):
        if time.monotonic() > deadline:
            break
        await people.check_all([intent for intent in people.intents if not intent.is_right], 1.0)
        await asyncio.sleep(1.0)
    count(applicants, faults)
    hows = sorted({kill.how for kill in log.kills})
    return [*(_line_of(how, log, people, database) for how in hows), applicants]


def _line_of(how: str, log: KillLog, people: ApplicantPool, database: str) -> Line:
    moments = [kill.at for kill in log.kills if kill.how == how]
    seconds = waits(people.intents, moments)
    return Line(RANDOM, how, database, runs=len(moments), stuck=log.ended.count(how), seconds=seconds)


def _tell(log: KillLog, people: ApplicantPool, running: Fleet) -> None:
    rows = running.ledger()
    seconds = log.kills[-1].at + log.kills[-1].back_after - log.began
    back = sorted(kill.back_after for kill in log.kills)
    print(
        f"{len(log.kills)} kills in {seconds:.0f} s ({len(log.kills) / seconds:.2f} a second);"
        f" a replica was back after {back[len(back) // 2]:.1f} s, {back[-1]:.1f} s at the longest;"
        f" {log.crash_loops} times granian saw a crash loop and ended\n"
        f"{len(people.intents)} applicants, {len(rows)} creates, {duplicates(rows)} of them unused duplicates;"
        f" {people.door.unreachable} requests unanswered, {people.door.honest} pages of 503",
        flush=True,
    )


def _orphans_end(groups: set[int], line: Line) -> None:
    """Workers whose server was killed must notice and exit."""
    deadline = time.monotonic() + _ORPHANS_LIVE
    while still_there(groups) and time.monotonic() < deadline:
        time.sleep(0.2)
    for group in still_there(groups):
        line.stuck += 1
        print(f"workers of group {group} outlived their server")
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def main() -> None:
    told = options("kills", __doc__)
    told.add_argument("--kills", type=int, default=1000, help="at random, in all (default: %(default)s)")
    told.add_argument("--times", type=int, default=1, help="at each point, on each database (default: %(default)s)")
    given = told.parse_args()
    lower_priority()
    lines = run(seed=given.seed, kills=given.kills, times=given.times, databases=given.database or DATABASES)
    finish(lines, given.json)


if __name__ == "__main__":
    run_command(main)
