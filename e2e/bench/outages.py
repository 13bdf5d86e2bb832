"""The database fails under load and comes back: PostgreSQL stopped, frozen, cut off. For SQLite see sqlite_faults.py.

python -m e2e.bench.outages --seed 1 --json FILE
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL

from e2e.bench import sqlite_faults, unreadable
from e2e.bench.applicant_pool import count
from e2e.bench.command import finish, lower_priority, options, run_command
from e2e.bench.fleet import DATABASES, POSTGRESQL, SQLITE, Fleet
from e2e.bench.interrupted_visitor import EITHER, NOTHING, InterruptedVisitor, refused_webhooks
from e2e.bench.report import Line
from e2e.bench.scenario import Worst, cluster, fleet_on, processes, running_processes, under_load
from tests.postgres import Cluster, connected, new_database

RESTARTS = 20
CUTS = 200
LONG = 10.0
_VISITOR = "30100000"
_CUT = """SELECT pg_terminate_backend(pid) FROM
          (SELECT pid FROM pg_stat_activity WHERE datname = %s ORDER BY random() LIMIT 1) AS one"""


def run(
    *, seed: int, scale: float = 1.0, databases: Sequence[str] = DATABASES, folder: Path | None = None
) -> list[Line]:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        lines = _postgresql(Path(own), seed, scale) if POSTGRESQL in databases else []
        lines += sqlite_faults.run(Path(own), seed=seed, scale=scale) if SQLITE in databases else []
        return lines + unreadable.run(Path(own), seed=seed, databases=databases)


def _postgresql(folder: Path, seed: int, scale: float) -> list[Line]:
    with cluster() as own:
        lines = [restarts(folder, own, seed, scale), cuts(folder, own, seed, scale)]
        return [*lines, long_outage(folder, own, seed), frozen(folder, own, seed)]


def restarts(folder: Path, own: Cluster, seed: int, scale: float = 1.0, places: int = 12) -> Line:
    """Restarts at random instants, like a crash."""
    line = Line("PostgreSQL killed and started", "any moment", POSTGRESQL)
    chance = random.Random(seed)

    def worst(_running: Fleet, _visitors: list[InterruptedVisitor]) -> list[float]:
        ends = []
        for _ in range(max(1, round(RESTARTS * scale))):
            time.sleep(chance.uniform(0.5, 2.5))
            own.stop("immediate")
            time.sleep(chance.choice((0.0, 0.0, 0.5, 2.0)))
            own.start()
            ends.append(time.monotonic())
        return ends

    return _under_load(line, folder / "restarts", own.url, worst, seed=seed, places=places)


def cuts(folder: Path, own: Cluster, seed: int, scale: float = 1.0) -> Line:
    line = Line("connections cut one by one", "any moment", POSTGRESQL)

    def worst(running: Fleet, _visitors: list[InterruptedVisitor]) -> list[float]:
        database = running.database_url.rpartition("/")[2]
        with connected(own.url) as connection:
            for _ in range(max(1, round(CUTS * scale))):
                time.sleep(0.1)
                connection.execute(_CUT, (database,))
        return [time.monotonic()]

    return _under_load(line, folder / "cuts", own.url, worst, seed=seed)


def long_outage(folder: Path, own: Cluster, seed: int, seconds: float = LONG) -> Line:
    """A visitor requests everything meanwhile."""
    line = Line(f"PostgreSQL away for {seconds:.0f} s", "every page", POSTGRESQL)

    def ask(visitor: InterruptedVisitor) -> None:
        with _away(own):
            visitor.chooses("approve")
            _for(seconds, lambda: visitor.asks(reads=NOTHING, ready=NOTHING))

    return _visited(line, folder / "long", own, ask, seed)


def frozen(folder: Path, own: Cluster, seed: int, seconds: float = LONG) -> Line:
    """The database accepts connections but never answers, like a hung disk: some requests wait, others get 503."""
    line = Line(f"PostgreSQL frozen for {seconds:.0f} s", "every page", POSTGRESQL)

    def ask(visitor: InterruptedVisitor) -> None:
        with _still(own, seconds):
            visitor.chooses("approve")
            visitor.asks(reads=EITHER, writes=EITHER)

    return _visited(line, folder / "frozen", own, ask, seed)


def _visited(line: Line, folder: Path, own: Cluster, ask: Callable[[InterruptedVisitor], None], seed: int) -> Line:
    def worst(running: Fleet, visitors: list[InterruptedVisitor]) -> list[float]:
        visitor = InterruptedVisitor(running.replicas[0], running.gu1, _VISITOR)
        visitors.append(visitor)
        visitor.begins()
        ask(visitor)
        back = time.monotonic()
        line.seconds.append(visitor.goes_on())
        refused, repeated = refused_webhooks(running.gu1)
        print(f"{line.fault}: {refused} webhooks refused meanwhile; gu1 delivered {repeated} of them again")
        count(line, visitor.complaints)
        return [back]

    return _under_load(line, folder, own.url, worst, seed=seed, places=4)


@contextmanager
def _away(own: Cluster) -> Iterator[None]:
    own.stop("immediate")
    try:
        yield
    finally:
        own.start()


@contextmanager
def _still(own: Cluster, seconds: float) -> Iterator[None]:
    """Limited in time, because the block may wait for the database."""
    pids = _processes_of(own)
    thaw = threading.Timer(seconds, _signal, (pids, signal.SIGCONT))
    _signal(pids, signal.SIGSTOP)
    thaw.start()
    try:
        yield
    finally:
        thaw.join()


def _processes_of(own: Cluster) -> list[int]:
    """The server's main process and its children."""
    with connected(own.url) as connection:
        first = _parent_of(connection.info.backend_pid)
    return [first, *(pid for pid in running_processes() if _parent_of(pid) == first)]


def _parent_of(pid: int) -> int:
    """0 if it has ended meanwhile."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except FileNotFoundError:
        return 0


def _signal(pids: Sequence[int], which: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, which)


def _for(seconds: float, ask: Callable[[], None]) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ask()
        time.sleep(0.5)


def _under_load(line: Line, folder: Path, server: URL, worst: Worst, *, seed: int, places: int = 12) -> Line:
    """On its own database, with two replicas that must survive."""
    with (
        new_database(server) as database,
        fleet_on(folder, database.render_as_string(hide_password=False), ahead=(0.0, 0.0)) as running,
    ):
        before = [processes(replica) for replica in running.replicas]
        under_load(line, running, worst, seed=seed, places=places)
        if before != [processes(replica) for replica in running.replicas]:
            count(line, [("wrong", "a process of the portal died of it")])
    return line


def main() -> None:
    told = options("outages", __doc__)
    told.add_argument("--scale", type=float, default=1.0, help="factor for the number of faults (default: %(default)s)")
    given = told.parse_args()
    lower_priority()
    lines = run(seed=given.seed, scale=given.scale, databases=given.database or DATABASES)
    finish(lines, given.json)


if __name__ == "__main__":
    run_command(main)
