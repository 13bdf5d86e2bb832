"""Shared code of the benches' commands."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

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


def lower_priority() -> None:
    """Lowers the priority; SIGTERM acts like Ctrl-C, so that child processes are stopped."""
    os.nice(max(0, 10 - os.nice(0)))
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def run_command(main: Callable[[], int | None]) -> NoReturn:
    """Ctrl-C ends a bench with one line and the code of shells, once what it started is stopped."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nInterrupted: what was started is stopped; tables printed so far hold.", file=sys.stderr)
        sys.exit(130)


def finish(lines: list[Line], path: Path | None) -> None:
    """Prints the table, writes the file, and exits with 1 on any failure."""
    print(table(lines))
    if path:
        path.write_text(json.dumps(as_json(lines)))
    sys.exit(not all(line.is_clean for line in lines))
