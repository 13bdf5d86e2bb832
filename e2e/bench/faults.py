"""`make faults`: runs every fault bench, prints a table for each and writes all results as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from e2e.bench import clocks, floods, kills, matrix, outages, submits, upgrade
from e2e.bench.command import lower_priority, run_command
from e2e.bench.report import Line, as_json, table

PARTS: dict[str, Callable[[int], list[Line]]] = {
    "matrix": lambda seed: matrix.run(seed=seed, sample=None, processes=2),
    "kills": lambda seed: kills.run(seed=seed),
    "submits": lambda seed: submits.run(seed=seed),
    "outages": lambda seed: outages.run(seed=seed),
    "floods": lambda seed: floods.run(seed=seed),
    "clocks": lambda seed: clocks.run(seed=seed),
    "upgrade": lambda seed: upgrade.run(seed=seed),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m e2e.bench.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=PARTS, action="append", help="default: each")
    parser.add_argument("--json", type=Path, default=Path("faults.json"), help="default: %(default)s")
    told = parser.parse_args()
    lower_priority()
    found = {}
    about = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": told.seed,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    for part in told.part or PARTS:
        found[part] = _tried(part, told.seed)
        # After each, so that an end meanwhile costs only the part that runs.
        told.json.write_text(json.dumps({"about": about, "parts": found}, indent=1) + "\n")
    sys.exit(not all(part["is_clean"] for part in found.values()))


def _tried(part: str, seed: int) -> dict[str, Any]:
    print(f"\n{part}\n", flush=True)
    started = time.monotonic()
    lines = PARTS[part](seed)
    seconds = round(time.monotonic() - started)
    print(f"{table(lines)}\n\nin {seconds} s", flush=True)
    return {"seconds": seconds, "is_clean": all(line.is_clean for line in lines), "lines": as_json(lines)}


if __name__ == "__main__":
    run_command(main)
