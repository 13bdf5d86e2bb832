"""What the benches' commands have in common."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from e2e.bench.fleet import DATABASES
from e2e.bench.report import Line, as_json, table


def options(name: str, description: str | None) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog=f"python -m e2e.bench.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--database", choices=DATABASES, action="append", help="default: each")
    found.add_argument("--json", type=Path, help="a file for the table's lines")
    return found


def nicely() -> None:
    """So that a long bench leaves the machine to others, and no processes where it is told to end."""
    os.nice(max(0, 10 - os.nice(0)))
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def finish(lines: list[Line], path: Path | None) -> None:
    """The table, the file, and 1 where anything is not as it has to be."""
    print(table(lines))
    if path:
        path.write_text(json.dumps(as_json(lines)))
    sys.exit(not all(line.is_clean for line in lines))
