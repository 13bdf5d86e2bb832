"""The same form sent eight times at once, to two replicas: one onboarding, one validation at gu1.

python -m e2e.bench.submits --intents 1000 --seed 1 --json FILE
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from e2e.bench.applicant_pool import ApplicantPool, applicant_pool, count, judged
from e2e.bench.applicants import BY_NAME, Applicant, Lost
from e2e.bench.command import finish, lower_priority, options, run_command
from e2e.bench.fleet import DATABASES, fleet
from e2e.bench.report import Line

COPIES = 8
_CONCURRENCY = 4
_PATIENCE = 60.0


def run(
    *,
    seed: int,
    scale: float = 1.0,
    intents: int = 1000,
    databases: Sequence[str] = DATABASES,
    replicas: int = 2,
    folder: Path | None = None,
) -> list[Line]:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        wanted = max(1, round(intents * scale))
        return [run_on(Path(own) / name, name, seed=seed, intents=wanted, replicas=replicas) for name in databases]


def run_on(folder: Path, database: str, *, seed: int, intents: int, replicas: int) -> Line:
    line = Line(f"{COPIES} parallel submits × {replicas} replicas", "POST /", database)
    with fleet(folder, database, replicas=replicas) as running:

        async def submit_all() -> None:
            async with applicant_pool(running.urls, seed) as people:
                await _submitted(people, intents, line)
                rows = running.ledger()
                line.runs = intents
                line.double += max(0, len(rows) - intents)
                count(line, judged(people.intents, rows, people.door.bare))
                print(f"{database}: {intents} intents, {len(rows)} creates", flush=True)

        began = time.monotonic()
        asyncio.run(submit_all())
        print(f"{database}: {intents * COPIES / (time.monotonic() - began):.0f} submits a second")
    return line


async def _submitted(people: ApplicantPool, intents: int, line: Line) -> None:
    turns = asyncio.Semaphore(_CONCURRENCY)

    async def submit() -> None:
        async with turns:
            applicant = people.newcomer(BY_NAME["leave"])
            began = time.monotonic()
            try:
                await _eight_times(applicant)
                async with asyncio.timeout(_PATIENCE):
                    await applicant.sees("ready")
            except (Lost, TimeoutError) as problem:
                applicant.intent.problem = str(problem) or "not ready in time"
            line.seconds.append(time.monotonic() - began)

    await asyncio.gather(*(submit() for _ in range(intents)))


async def _eight_times(applicant: Applicant) -> None:
    await applicant.opens_form()
    await asyncio.gather(*(applicant.sends_form() for _ in range(COPIES)))


def main() -> None:
    told = options("submits", __doc__)
    told.add_argument("--intents", type=int, default=1000, help="on each database (default: %(default)s)")
    given = told.parse_args()
    lower_priority()
    finish(run(seed=given.seed, intents=given.intents, databases=given.database or DATABASES), given.json)


if __name__ == "__main__":
    run_command(main)
