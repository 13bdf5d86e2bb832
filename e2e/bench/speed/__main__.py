"""How fast the portal is, against a bare Flask route and against a portal written the naive way.

    make bench
    python -m e2e.bench.speed --part routes --pairs 3
    python -m e2e.bench.speed --json bench.json --into docs/performance.md

Every answer is checked. Compare ratios: both sides of a pair meet the same noise, absolute figures do not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from e2e.bench.command import run_command
from e2e.bench.fleet import DATABASES, POSTGRESQL
from e2e.bench.speed.generator import generator, raise_file_limit
from e2e.bench.speed.gu1_reads import gu1_reads
from e2e.bench.speed.hour import hour
from e2e.bench.speed.instructions import instructions
from e2e.bench.speed.journeys import journeys
from e2e.bench.speed.part import Terms
from e2e.bench.speed.people import people
from e2e.bench.speed.rival import rival
from e2e.bench.speed.routes import routes
from e2e.bench.speed.settings_of_servers import settings_of_servers
from e2e.bench.speed.sides import CORES
from e2e.bench.speed.slow_clients import slow_clients
from e2e.bench.speed.startup import startup
from e2e.bench.speed.tables import Table, write_into
from e2e.bench.speed.webhook_rate import webhook_rate
from e2e.bench.speed.weight import weight
from tests.postgres import is_to_be_had

PARTS: dict[str, Callable[[Terms], list[Table]]] = {
    "routes": routes,
    "rival": rival,
    "people": people,
    "journeys": journeys,
    "webhooks": webhook_rate,
    "slow": slow_clients,
    "start": startup,
    "weight": weight,
    "reads": gu1_reads,
    "instructions": instructions,
    "servers": settings_of_servers,
    "hour": hour,
}
ON_REQUEST = {"servers", "hour"}
"""Left out unless named: one is for choosing settings, the other takes more than an hour."""


def main() -> None:
    told = _options().parse_args()
    raise_file_limit()
    databases = told.database or [it for it in DATABASES if it != POSTGRESQL or is_to_be_had()]
    chosen = told.part or [name for name in PARTS if name not in ON_REQUEST]
    tables: list[Table] = []
    with tempfile.TemporaryDirectory() as folder, generator() as load:
        for name in chosen:
            began = time.monotonic()
            terms = Terms(load, Path(folder), databases, pairs=told.pairs, seconds=told.seconds)
            found = PARTS[name](terms)
            tables += found
            for table in found:
                print(table.text(), flush=True)
            print(f"({time.monotonic() - began:.0f} s)", flush=True)
            # After each, so that an end meanwhile costs only the part that runs.
            if told.json:
                figures = {"machine": machine(), "tables": [it.as_json() for it in tables]}
                told.json.write_text(json.dumps(figures, indent=1))
    if told.into:
        write_into(told.into, tables, machine())


def machine() -> str:
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {CORES} cores of {_processor()}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load average before the bench {_LOAD:.1f}."
    )


_LOAD = os.getloadavg()[0]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m e2e.bench.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--part", choices=PARTS, action="append", help="default: each but servers and hour")
    options.add_argument("--database", choices=DATABASES, action="append", help="default: each that is there")
    options.add_argument("--pairs", type=int, default=5, help="alternating pairs (default: %(default)s)")
    options.add_argument("--seconds", type=float, default=1.5, help="of one burst (default: %(default)s)")
    options.add_argument("--json", type=Path, help="a file for the figures")
    options.add_argument("--into", type=Path, help="a document whose tables are replaced")
    return options


if __name__ == "__main__":
    run_command(main)
