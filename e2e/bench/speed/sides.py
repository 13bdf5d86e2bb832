"""The servers that a bench compares: the portal, a bare Flask route on the same server, and a naive portal."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from flask import Flask

from e2e.bench.fleet import database_of
from e2e.bench.scenario import processes, processor_seconds
from e2e.bench.speed.quick_gu1 import quick_gu1
from e2e.servers import SECRET_KEY, Server, on_database, portal
from portal.app import create_app, runner_of
from portal.cli.serve import serve_app
from portal.settings import load_config
from tests.ports import free_port

CORES = len(os.sched_getaffinity(0))
WORKERS = CORES
BARE = b"ok"
BARE_THREADS = 64
SETTINGS = {"PORTAL_LOG_LEVEL": "ERROR", "PORTAL_SECRET_KEYS": SECRET_KEY}


@dataclass(frozen=True)
class Ground:
    """A portal, its gu1 and its database."""

    portal: Server
    gu1: Server
    database_url: str
    folder: Path


def serving_portal(
    folder: Path, *, gu1_url: str, database_url: str, workers: int = WORKERS, env: Mapping[str, str] | None = None
) -> Server:
    port = free_port()
    server = portal(folder, port=port, gu1_url=gu1_url, env={**on_database(database_url), **SETTINGS, **(env or {})})
    server.command += ["--workers", str(workers)]
    server.log = folder / f"portal-{port}.log"
    return server


def bare_route(folder: Path, *, workers: int = WORKERS) -> Server:
    """The ceiling: the portal's server with nothing in it but one Flask route."""
    port = free_port()
    server = portal(folder, port=port, gu1_url="http://127.0.0.1:9", env=SETTINGS)
    server.command = [
        sys.executable,
        "-m",
        "e2e.bench.speed.sides",
        "bare_app",
        "--port",
        str(port),
        "--workers",
        str(workers),
    ]
    server.probe = "/"
    server.log = folder / f"bare-{port}.log"
    return server


def naive_portal(folder: Path, *, gu1_url: str, workers: int = WORKERS) -> Server:
    """As it is usually written and served; see `naive.py`."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "e2e.bench.speed.naive:app", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--workers", str(workers), "--threads", "8"]
    command += ["--worker-connections", "4096", "--keep-alive", "75", "--log-level", "warning"]
    env = {"NAIVE_GU1_URL": gu1_url}
    return Server(command, f"http://127.0.0.1:{port}", "/", folder / f"naive-{port}.log", env)


@contextmanager
def ground(folder: Path, database: str, *, latency: float = 0.0, workers: int = WORKERS) -> Iterator[Ground]:
    folder.mkdir(parents=True, exist_ok=True)
    gu1 = quick_gu1(folder, port=free_port(), latency=latency)
    with gu1, database_of(database, folder) as url:
        door = serving_portal(folder, gu1_url=gu1.url, database_url=url, workers=workers)
        with door:
            yield Ground(door, gu1, url, folder)


def bare_app() -> Flask:
    app = Flask("bare")

    @app.get("/")
    def bare() -> bytes:
        return BARE

    return app


@dataclass(frozen=True)
class Memory:
    """Of all processes of a server, in bytes."""

    resident: int
    proportional: int
    """With pages that its processes share counted once."""


def memory_of(server: Server) -> Memory:
    sums = {"Rss": 0, "Pss": 0}
    for pid in processes(server):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sums:
                sums[name] += int(rest.split()[0]) * 1024
    return Memory(sums["Rss"], sums["Pss"])


@contextmanager
def cpu_of(server: Server) -> Iterator[list[float]]:
    """Appends the CPU seconds that the server's processes used meanwhile; PostgreSQL's own are not among them."""
    before, used = processor_seconds(server), list[float]()
    yield used
    used.append(processor_seconds(server) - before)


def portal_app() -> Flask:
    """The portal as a WSGI application, for other servers than its own."""
    app = create_app(load_config())
    runner = runner_of(app)
    runner.start()
    Finalize(None, runner.stop, exitpriority=1)
    return app


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("app", choices=("bare_app", "portal_app"))
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--workers", type=int, required=True)
    options.add_argument("--threads", type=int, default=BARE_THREADS)
    told = options.parse_args()
    target = f"e2e.bench.speed.sides:{told.app}"
    serve_app(target, "127.0.0.1", told.port, told.workers, wsgi_threads=told.threads)


if __name__ == "__main__":
    main()
