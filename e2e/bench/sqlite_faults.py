"""Faults of a SQLite file under a running portal: a lock, a full disk, a size limit, a read-only file."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import make_url

from e2e.bench.applicant_pool import count
from e2e.bench.fleet import SQLITE, Fleet
from e2e.bench.interrupted_visitor import EITHER, NOTHING, InterruptedVisitor
from e2e.bench.report import Line
from e2e.bench.scenario import fleet_on, processes, under_load
from e2e.servers import sqlite_in

TIMES = 3
_VISITORS = range(30_200_000, 30_300_000, 10)
_DISK = "16m"
_LITTLE = 4096
_GOOD = {200, 204, 303}

Fault = Callable[[Fleet], AbstractContextManager[None]]


def run(folder: Path, *, seed: int, scale: float = 1.0) -> list[Line]:
    times = max(1, round(TIMES * scale))
    lines = [short_lock(folder, seed), long_lock(folder, seed), small_files(folder, seed, times)]
    if not may_mount():
        print("skipped: full disk and read-only folder; only root may mount them")
        return lines
    return [*lines, full_disk(folder, seed, times), read_only(folder, seed, times)]


def short_lock(folder: Path, seed: int, seconds: float = 3.0) -> Line:
    """Requests wait, but none fails."""
    line = Line(f"file locked for {seconds:.0f} s", "every page", SQLITE)
    fault = partial(_locked, seconds=seconds)
    return _suffers(line, folder / "short-lock", fault, seed, reads=_GOOD, writes=_GOOD, places=4)


def long_lock(folder: Path, seed: int, seconds: float = 12.0) -> Line:
    line = Line(f"file locked for {seconds:.0f} s", "every page", SQLITE)
    fault = partial(_locked, seconds=seconds)
    return _suffers(line, folder / "long-lock", fault, seed, reads=_GOOD | NOTHING, places=4)


def small_files(folder: Path, seed: int, times: int = 1, places: int = 6) -> Line:
    """Like a used-up quota; it limits the log as well."""
    line = Line("files may not grow", "every page", SQLITE)
    return _suffers(line, folder / "small-files", _limited, seed, reads=_GOOD, times=times, places=places)


def full_disk(folder: Path, seed: int, times: int = 1) -> Line:
    line = Line("disk full", "every page", SQLITE)
    with _disk(folder / "full") as disk:
        return _suffers(line, folder / "full-disk", _full, seed, reads=_GOOD, times=times, disk=disk)


def read_only(folder: Path, seed: int, times: int = 1) -> Line:
    """Older connections may still write; connections opened meanwhile must be replaced afterwards.

    With next to no load, so that there are few from before.
    """
    line = Line("folder can only be read", "every page", SQLITE)
    with _disk(folder / "sealed") as disk:
        wanted = {"reads": _GOOD | NOTHING, "writes": EITHER}
        return _suffers(line, folder / "read-only", _sealed, seed, times=times, disk=disk, places=1, **wanted)


def _suffers(
    line: Line,
    folder: Path,
    fault: Fault,
    seed: int,
    *,
    reads: Collection[int],
    writes: Collection[int] = NOTHING,
    times: int = 1,
    places: int = 6,
    disk: Path | None = None,
) -> Line:
    folder.mkdir(parents=True, exist_ok=True)
    with fleet_on(folder, sqlite_in(disk or folder)) as running:

        def worst(running: Fleet, visitors: list[InterruptedVisitor]) -> list[float]:
            ends = []
            for number, _ in zip(_VISITORS, range(times), strict=False):
                visitor = InterruptedVisitor(running.replicas[0], running.gu1, str(number))
                visitors.append(visitor)
                visitor.begins()
                with fault(running):
                    visitor.asks(reads=reads, writes=writes)
                    visitor.chooses("approve")
                    time.sleep(1)
                ends.append(time.monotonic())
                line.seconds.append(visitor.goes_on())
                count(line, visitor.complaints)
            return ends

        before = processes(running.replicas[0])
        under_load(line, running, worst, seed=seed, places=places)
        if before != processes(running.replicas[0]):
            count(line, [("wrong", "a process of the portal died of it")])
    return line


@contextmanager
def _locked(running: Fleet, seconds: float) -> Iterator[None]:
    """Another connection locks the file, limited in time, because the block may wait for it."""
    with _connected(running) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(seconds, other.rollback)
        release.start()
        yield
        release.join()


@contextmanager
def _limited(running: Fleet) -> Iterator[None]:
    pids = processes(running.replicas[0])
    _limit(pids, _LITTLE)
    try:
        yield
    finally:
        _limit(pids, resource.RLIM_INFINITY)


@contextmanager
def _full(running: Fleet) -> Iterator[None]:
    filler = _folder_of(running) / "filler"
    with _connected(running) as reader:
        # An empty write-ahead log that a reader keeps from restarting: every write needs space.
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM onboardings").fetchone()
        _fill(filler)
        try:
            yield
        finally:
            filler.unlink()


@contextmanager
def _sealed(running: Fleet) -> Iterator[None]:
    folder = str(_folder_of(running))
    _mount("--bind", folder, folder)
    _mount("-o", "remount,ro,bind", folder)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(filler: Path) -> None:
    descriptor = os.open(filler, os.O_CREAT | os.O_WRONLY)
    try:
        with contextlib.suppress(OSError):
            while True:
                os.write(descriptor, b"-" * _LITTLE)
    finally:
        os.close(descriptor)


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _connected(running: Fleet) -> Iterator[sqlite3.Connection]:
    path = make_url(running.database_url).database or ""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        yield connection
    finally:
        connection.close()


def _folder_of(running: Fleet) -> Path:
    return Path(make_url(running.database_url).database or "").parent


def _limit(pids: list[int], size: int) -> None:
    for pid in pids:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size == resource.RLIM_INFINITY else size, hard))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def may_mount() -> bool:
    """Being root is not enough: most containers forbid mounting."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            _mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", folder)
        except (OSError, subprocess.CalledProcessError):
            return False
        subprocess.run(["umount", folder], check=True)
    return True
