"""`portal serve` for benches: the same server, schema and runner, with scaled timings and a settable clock.

    replica = bench_portal(folder, port=…, gu1_url=…, env=on_database(url), time_scale=0.05)
    replica.start()                                  # an e2e.servers.Server: start, stop, kill
    set_clock(replica, seconds)                      # its clock jumps, before it starts or while it runs
    plan_kill(replica, "after", "adopted", nth=1)    # see kill_at_commit.py
    await_kill(replica)

A PostgreSQL database needs the schema first; a SQLite file gets it when the first replica starts.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from e2e.bench.kill_at_commit import KILL_FILE, CommitKiller
from e2e.servers import Server, portal
from portal.app import create_app
from portal.cli.serve import serve_app
from portal.domain.timings import Timings
from portal.logs import set_up_logging
from portal.settings import load_config
from portal.web.rsgi_adapter import RsgiAdapter
from portal.worker_process import served

TIME_SCALE = "BENCH_TIME_SCALE"
CLOCK_FILE = "BENCH_CLOCK_FILE"
_AS_THEY_ARE = {"grace", "save_backoff"}


def bench_portal(
    folder: Path,
    *,
    port: int,
    gu1_url: str,
    env: Mapping[str, str] | None = None,
    time_scale: float = 1.0,
    workers: int = 1,
) -> Server:
    """Replicas of one database may share a folder: the port is part of each one's file names."""
    server = portal(folder, port=port, gu1_url=gu1_url, env=env)
    server.command = [sys.executable, "-m", "e2e.bench.serving", "--port", str(port), "--workers", str(workers)]
    server.log = folder / f"portal-{port}.log"
    server.env = {
        **server.env,
        TIME_SCALE: str(time_scale),
        CLOCK_FILE: str(folder / f"clock-{port}"),
        KILL_FILE: str(folder / f"kill-{port}"),
    }
    return server


def set_clock(server: Server, ahead: float) -> None:
    """`ahead` in seconds; negative for a slow clock."""
    path = Path(server.env[CLOCK_FILE])
    fresh = path.with_suffix(".new")
    fresh.write_text(str(ahead))
    fresh.replace(path)


def scaled(timings: Timings, scale: float) -> Timings:
    """Scales every wait but those that are made for people or a database."""
    return replace(
        timings,
        **{it.name: _times(getattr(timings, it.name), scale) for it in fields(timings) if it.name not in _AS_THEY_ARE},
    )


def _times(waits: Any, scale: float) -> Any:
    """Of (number of refreshes, seconds) pairs, scales only the seconds."""
    if not isinstance(waits, tuple):
        return waits * scale
    return tuple((it[0], it[1] * scale) if isinstance(it, tuple) else it * scale for it in waits)


class SettableClock:
    """The machine's clock plus the seconds in the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> datetime:
        try:
            ahead = float(self._path.read_text())
        except FileNotFoundError:
            ahead = 0.0
        return datetime.now(UTC) + timedelta(seconds=ahead)


def bench_app() -> RsgiAdapter:
    """Like `portal.worker_process.serving_app`, with the bench's timings and clock."""
    config = load_config()
    set_up_logging(config.log_level)
    CommitKiller(Path(os.environ[KILL_FILE])).listen()
    timings = scaled(Timings(), float(os.environ[TIME_SCALE]))
    app = create_app(config, clock=SettableClock(Path(os.environ[CLOCK_FILE])), timings=timings)
    return served(app, config)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m e2e.bench.serving")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--workers", type=int, default=1)
    told = options.parse_args()
    serve_app("e2e.bench.serving:bench_app", "127.0.0.1", told.port, told.workers)


if __name__ == "__main__":
    main()
