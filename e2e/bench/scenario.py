"""A fleet on its own database, for the benches of outages, floods, clocks and upgrades."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from e2e.bench.applicant_pool import ApplicantPool, Fault, applicant_pool, count, judged, waits
from e2e.bench.fleet import POSTGRESQL, SQLITE, Fleet, create_schema
from e2e.bench.interrupted_visitor import InterruptedVisitor
from e2e.bench.report import Line
from e2e.bench.serving import bench_portal, set_clock
from e2e.servers import Server, mock_gu1, on_database, sqlite_in
from tests.local_http import LOCAL
from tests.ports import free_port
from tests.postgres import HOW_TO_GET_ONE, Cluster, new_database, own_cluster, server

PATIENCE = 60.0
"""Seconds for applicants who are still on their way when the faults are over."""

Behind = Callable[[str], AbstractContextManager[Server]]
"""Starts a gu1 for the portal at this URL."""

Worst = Callable[[Fleet, list[InterruptedVisitor]], list[float]]
"""Causes faults; adds its visitors to the list and returns the moments when each fault was over."""


def kind_of(database_url: str) -> str:
    return SQLITE if database_url.startswith("sqlite") else POSTGRESQL


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A private PostgreSQL cluster, which a bench may stop or fill."""
    with own_cluster() as own:
        if own is None:
            raise RuntimeError(HOW_TO_GET_ONE)
        yield own


@contextmanager
def fleet_on(
    folder: Path,
    database_url: str,
    *,
    ahead: Sequence[float] = (0.0,),
    time_scale: float = 0.1,
    gu1: Behind | None = None,
    has_schema: bool = False,
) -> Iterator[Fleet]:
    """As `fleet.fleet`, but on this database, which gets its schema here unless it has one.

    `ahead`: seconds by which each replica's clock is ahead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ports = [free_port() for _ in ahead]
    if not has_schema:
        create_schema(database_url)
    settings = {**on_database(database_url), "TMPDIR": str(folder), "PORTAL_LOG_LEVEL": "WARNING"}
    with (gu1 or partial(a_mock, folder))(f"http://127.0.0.1:{ports[0]}") as behind:
        own = [bench_portal(folder, port=it, gu1_url=behind.url, env=settings, time_scale=time_scale) for it in ports]
        try:
            for replica, seconds in zip(own, ahead, strict=True):
                set_clock(replica, seconds)
                replica.start()
            yield Fleet(own, behind, database_url)
        finally:
            for replica in own:
                replica.kill()


@contextmanager
def a_mock(folder: Path, portal_url: str, *, webhooks: bool = True) -> Iterator[Server]:
    gu1 = mock_gu1(folder, port=free_port(), portal_url=portal_url)
    if not webhooks:
        at = gu1.command.index("--webhook-url")
        del gu1.command[at : at + 2]
    gu1.start()
    try:
        yield gu1
    finally:
        gu1.stop()


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """A database without a schema."""
    if kind == SQLITE:
        yield sqlite_in(folder)
        return
    with server() as postgres:
        if postgres is None:
            raise RuntimeError(HOW_TO_GET_ONE)
        with new_database(postgres) as database:
            yield database.render_as_string(hide_password=False)


def under_load(
    line: Line,
    running: Fleet,
    during: Worst,
    *,
    seed: int,
    places: int = 12,
    patience: float = PATIENCE,
    forgives: str = "",
) -> None:
    """Keeps applicants going while `during` causes faults on a thread.

    `forgives`: a problem that is allowed for applicants who are not acknowledged yet.
    """
    visitors: list[InterruptedVisitor] = []

    async def come() -> None:
        async with applicant_pool(running.urls, seed) as people:
            ends: list[float] = []

            async def worst() -> None:
                ends.extend(await asyncio.to_thread(during, running, visitors))

            await people.keep_busy(places, worst, patience=patience)
            if forgives:
                people.intents = [it for it in people.intents if it.is_acknowledged or it.problem != forgives]
            line.runs += len(people.intents)
            line.seconds += waits(people.intents, ends)
            count(line, await _settled(people, running, visitors, patience))

    try:
        asyncio.run(come())
    finally:
        for visitor in visitors:
            visitor.leaves()


async def _settled(
    people: ApplicantPool, running: Fleet, visitors: Sequence[InterruptedVisitor], patience: float
) -> list[Fault]:
    """The faults that remain after the time to recover."""
    deadline = time.monotonic() + patience
    charges = {key: charged for visitor in visitors for key, charged in visitor.onboardings.items()}
    while True:
        rows = running.ledger()
        faults = judged(people.intents, [row for row in rows if row["onboarding"] not in charges], people.door.bare)
        if all(kind == "bare" for kind, _ in faults) or time.monotonic() > deadline:
            break
        await people.check_all([intent for intent in people.intents if not intent.is_right], 1.0)
        await asyncio.sleep(0.5)
    charged = Counter(row["onboarding"] for row in rows if row["charged"])
    twice = [key for key, wanted in charges.items() if charged[key] > wanted]
    return [*faults, *(("double", f"{key}: {charged[key]} charges") for key in twice)]


def processes(portal: Server) -> list[int]:
    """Processes of the server's group: itself and its workers."""
    if portal.process is None:
        return []
    group = portal.process.pid
    return sorted(pid for pid in running_processes() if _group_of(pid) == group)


def workers(portal: Server) -> set[int]:
    """The processes that answer; what keeps account of shared memory is none."""
    if portal.process is None:
        return set()
    children = Path(f"/proc/{portal.process.pid}/task/{portal.process.pid}/children").read_text().split()
    return {int(it) for it in children if "resource_tracker" not in _command_of(it)}


def running_processes() -> list[int]:
    """On the whole machine; Linux only, like everything that reads /proc."""
    return [int(it.name) for it in Path("/proc").iterdir() if it.name.isdigit()]


def processor_seconds(portal: Server) -> float:
    """CPU seconds of all its processes until now."""
    ticks = 0
    for pid in processes(portal):
        used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(used[11]) + int(used[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def looks_at_gu1(url: str) -> float:
    """Validation reads until now, from the replica's metrics."""
    metrics = httpx.get(f"{url}/metrics", **LOCAL).text
    return sum(
        map(float, re.findall(r'^portal_gu1_seconds_count\{operation="read_validation".*\} (\S+)', metrics, re.M))
    )


def tell(gu1: Server, path: str, **body: Any) -> None:
    httpx.post(f"{gu1.url}/_mock/{path}", json=body, **LOCAL).raise_for_status()


def _command_of(pid: str) -> str:
    """Empty if it ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
