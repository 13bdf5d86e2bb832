"""The previous release and this one on one database: upgrade, rollback, and graceful stops under load.

    python -m e2e.bench.upgrade --previous REVISION --seed 1 --json FILE

The previous release is checked out from the history and runs in this one's virtual environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import create_engine, text

from e2e.bench import graceful_stop
from e2e.bench.applicant_pool import Fault, count
from e2e.bench.command import finish, lower_priority, options, run_command
from e2e.bench.fleet import DATABASES, POSTGRESQL, Fleet, create_schema
from e2e.bench.interrupted_visitor import InterruptedVisitor
from e2e.bench.report import Line
from e2e.bench.scenario import a_mock, empty_database, fleet_on, under_load
from e2e.bench.serving import bench_portal
from e2e.servers import ROOT, Server, on_database
from e2e.servers import portal as this_release
from tests.ports import free_port

PREVIOUS = "904dd98"
PAUSE = 5.0
_PATIENCE = 180.0
"""More than a lease and the wait before reconciling, with unscaled timings."""
_PLACES = 8
_STUMBLES = ("stumbled", "starts again", "restarting it", "unexpected error", "cannot be read", "Traceback")
# The working folder comes first on the path, before the installed portal.
_RUN = "import os, sys; os.chdir(sys.argv.pop(1)); sys.path[0] = os.getcwd(); from portal.cli import main; main()"
_WHICH = "import os, sys; os.chdir(sys.argv[1]); sys.path[0] = os.getcwd(); import portal; print(portal.__file__)"


def run(
    *,
    seed: int,
    scale: float = 1.0,
    previous: str = PREVIOUS,
    databases: Sequence[str] = DATABASES,
    folder: Path | None = None,
) -> list[Line]:
    pause, times = max(1.0, PAUSE * scale), max(1, round(graceful_stop.TIMES * scale))
    with tempfile.TemporaryDirectory(dir=folder) as own:
        lines = [graceful_stop.graceful_stops(Path(own) / f"ends-{it}", it, seed=seed, times=times) for it in databases]
        lines += [started_ahead(Path(own) / f"ahead-{it}", it, seed, pause) for it in databases]
        tree = Path(own) / "previous"
        missing = taken_out(previous, tree)
        if missing:
            print(f"skipped: both releases on one database; {missing}")
            return lines
        for database in databases:
            lines.append(rolled_out(Path(own) / f"out-{database}", tree, database, seed, pause))
            lines.append(rolled_back(Path(own) / f"back-{database}", tree, database, seed, pause))
    return lines


def taken_out(revision: str, tree: Path) -> str | None:
    """Checks the revision out; returns the error, if any."""
    packed = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        return f"git has no {revision}: {packed.stderr.decode().strip()}"
    tree.mkdir()
    subprocess.run(["tar", "--extract"], cwd=tree, input=packed.stdout, check=True)
    build = next(it for it in ("portal/build.py", "portal/translations/compile.py") if (tree / it).exists())
    subprocess.run([sys.executable, build], cwd=tree, check=True)
    which = subprocess.run([sys.executable, "-c", _WHICH, str(tree)], capture_output=True, text=True, check=True)
    if not which.stdout.startswith(str(tree)):
        return f"its own package is not the one that would run, but {which.stdout.strip()}"
    return None


def rolled_out(folder: Path, tree: Path, database: str, seed: int, pause: float) -> Line:
    """Old replicas on the old schema, then the migration, new replicas, and the old ones killed one by one."""
    line = Line("release rolled out", "old and new side by side", database)
    with _both(folder, tree, database) as (running, old, new):

        def worst(_running: Fleet, _visitors: list[InterruptedVisitor]) -> list[float]:
            time.sleep(pause)
            create_schema(running.database_url)
            time.sleep(pause)
            ends = []
            for before, after in zip(old, new, strict=True):
                after.start()
                time.sleep(pause)
                before.kill()
                ends.append(time.monotonic())
                time.sleep(pause)
            return ends

        under_load(line, running, worst, seed=seed, places=_PLACES, patience=_PATIENCE)
        count(line, _stumbles([*old, *new]))
    return line


def rolled_back(folder: Path, tree: Path, database: str, seed: int, pause: float) -> Line:
    """New replicas come and go; the old ones continue with the new schema."""
    line = Line("release rolled back", "old and new side by side", database)
    with _both(folder, tree, database) as (running, old, new):

        def worst(_running: Fleet, _visitors: list[InterruptedVisitor]) -> list[float]:
            time.sleep(pause)
            create_schema(running.database_url)
            for after in new:
                after.start()
            time.sleep(2 * pause)
            ends = []
            for after in new:
                after.kill()
                ends.append(time.monotonic())
                time.sleep(pause)
            return ends

        under_load(line, running, worst, seed=seed, places=_PLACES, patience=_PATIENCE)
        count(line, _stumbles([*old, *new]))
        old[0].stop()
        print(f"{database}: the old release restarted on the new schema: {_comes_up(old[0])}")
    return line


def started_ahead(folder: Path, database: str, seed: int, pause: float) -> Line:
    """This release on the schema of a later one, as after a rollback; migrations only add columns."""
    line = Line("release started anew", "on a newer schema", database)
    folder.mkdir(parents=True)
    with empty_database(database, folder) as url:
        create_schema(url)
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE onboardings ADD COLUMN of_tomorrow VARCHAR"))
            connection.execute(text("UPDATE alembic_version SET version_num = 'of tomorrow'"))
        engine.dispose()
        with fleet_on(folder, url, has_schema=True) as running:
            under_load(line, running, lambda _running, _visitors: time.sleep(pause) or [], seed=seed, places=2)
            count(line, _stumbles(running.replicas))
    return line


@contextmanager
def _both(folder: Path, tree: Path, database: str) -> Iterator[tuple[Fleet, list[Server], list[Server]]]:
    """Old replicas running on the old schema; new ones not started."""
    folder.mkdir(parents=True)
    pairs = 2 if database == POSTGRESQL else 1
    ports = [free_port() for _ in range(2 * pairs)]
    with (
        empty_database(database, folder) as url,
        a_mock(folder, f"http://127.0.0.1:{ports[0]}") as gu1,
    ):
        env = {**on_database(url), "TMPDIR": str(folder), "PORTAL_LOG_LEVEL": "WARNING"}
        old = [_previous(tree, folder, port, gu1.url, env) for port in ports[:pairs]]
        new = [bench_portal(folder, port=port, gu1_url=gu1.url, env=env) for port in ports[pairs:]]
        subprocess.run([*old[0].command[:4], "migrate"], env={**os.environ, **old[0].env}, check=True)
        try:
            for server in old:
                server.start()
            yield Fleet([*old, *new], gu1, url), old, new
        finally:
            for server in (*old, *new):
                server.kill()


def _previous(tree: Path, folder: Path, port: int, gu1_url: str, env: dict[str, str]) -> Server:
    server = this_release(folder, port=port, gu1_url=gu1_url, env=env)
    return replace(as_previous(server, tree), log=folder / f"previous-{port}.log")


def as_previous(server: Server, tree: Path) -> Server:
    """The same replica by the release that is checked out there."""
    options = server.command[server.command.index("serve") :]
    return replace(server, command=[sys.executable, "-c", _RUN, str(tree), *options], process=None)


def _stumbles(servers: Sequence[Server]) -> list[Fault]:
    """Log lines that neither release may write while the other one runs."""
    logs = {server.log.name: server.log.read_text() for server in servers if server.log.exists()}
    return [("wrong", f"{name}: {words}") for name, log in logs.items() for words in _STUMBLES if words in log]


def _comes_up(server: Server) -> str:
    try:
        server.start()
    except RuntimeError as error:
        return f"no: {str(error).strip().splitlines()[-1]}"
    server.kill()
    return "yes"


def main() -> None:
    told = options("upgrade", __doc__)
    told.add_argument("--previous", default=PREVIOUS, help="a revision of the history (default: %(default)s)")
    told.add_argument(
        "--scale", type=float, default=1.0, help="factor for pauses and numbers of stops (default: %(default)s)"
    )
    given = told.parse_args()
    lower_priority()
    databases = given.database or DATABASES
    lines = run(seed=given.seed, scale=given.scale, previous=given.previous, databases=databases)
    finish(lines, given.json)


if __name__ == "__main__":
    run_command(main)
