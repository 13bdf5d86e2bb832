"""python -m e2e.bench.matrix"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from e2e.bench.command import run_command
from e2e.bench.matrix.catalogue import DATABASES
from e2e.bench.matrix.findings import PATIENCE
from e2e.bench.matrix.runner import lines, report_of, results
from e2e.bench.matrix.trial import Result
from e2e.bench.report import as_json, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m e2e.bench.matrix", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="this many runs, every fault once before any twice")
    parser.add_argument("--seed", type=int, default=1, help="chooses the sample and each run's journey")
    parser.add_argument("--only", default="", metavar="TEXT", help="runs with this text in their name")
    parser.add_argument("--database", choices=DATABASES, action="append", help="instead of both")
    parser.add_argument("--processes", type=int, default=2, metavar="P")
    parser.add_argument("--patience", type=float, default=PATIENCE, metavar="S", help="more for a busy machine")
    parser.add_argument("--json", type=Path, metavar="FILE")
    told = parser.parse_args()
    started = time.monotonic()
    found = results(
        seed=told.seed,
        size=told.sample,
        databases=tuple(told.database or DATABASES),
        processes=told.processes,
        patience=told.patience,
        only=told.only,
        told=_progress,
    )
    made = lines(found)
    print(table(made))
    for result in found:
        if not result.is_clean:
            print("\n" + report_of(result, told.seed))
    print(f"\n{len(found)} runs in {time.monotonic() - started:.0f} s")
    if told.json:
        told.json.write_text(json.dumps(as_json(made), indent=1))
    return int(not all(result.is_clean for result in found))


def _progress(result: Result) -> None:
    print(end=".", file=sys.stderr, flush=True)
    if not result.is_clean:
        print(f"\n{result.case}: {'; '.join(result.findings.notes) or 'never struck'}"[:300], file=sys.stderr)


if __name__ == "__main__":
    run_command(main)
