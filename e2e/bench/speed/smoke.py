"""`make bench-smoke`: fails if an answer takes more instructions, against a bare Flask route, than was recorded.

    python -m e2e.bench.speed.smoke
    python -m e2e.bench.speed.smoke --record

In instructions and not in seconds, because seconds on a busy machine vary by more than the tenth that is allowed. A
ratio depends on the Python release, so each has ratios of its own in `recorded.json`.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from pathlib import Path

from e2e.bench.fleet import DATABASES, POSTGRESQL
from e2e.bench.speed.instructions import NAMES, counts, unit
from tests.postgres import is_to_be_had

RECORDED = Path(__file__).parent / "recorded.json"
LEAST = 0.9
"""Of the recorded ratio."""
_BETTER = 1.1


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m e2e.bench.speed.smoke", description=__doc__)
    options.formatter_class = argparse.RawDescriptionHelpFormatter
    options.add_argument("--record", action="store_true", help="take the ratios of this run as the recorded ones")
    told = options.parse_args()
    kind = f"{unit()}, Python {'.'.join(platform.python_version_tuple()[:2])}"
    found = measured()
    recorded = json.loads(RECORDED.read_text())
    if told.record:
        recorded[kind] = {name: round(ratio, 4) for name, ratio in found.items()}
        RECORDED.write_text(json.dumps(recorded, indent=2) + "\n")
    return judged(kind, found, recorded.get(kind, {}))


def measured() -> dict[str, float]:
    """The instructions of a bare route divided by those of each answer."""
    ratios = {}
    with tempfile.TemporaryDirectory() as folder:
        for database in DATABASES:
            if database == POSTGRESQL and not is_to_be_had():
                continue
            each = counts(Path(folder), database)
            for name in NAMES[1:]:
                ratios[f"{name}, {database}"] = each[NAMES[0]] / each[name]
    return ratios


def judged(kind: str, found: dict[str, float], recorded: dict[str, float]) -> int:
    """1 if a ratio is below nine tenths of the recorded one."""
    if not recorded:
        print(f"nothing is recorded for {kind}; record it with --record")
    worse = [name for name, ratio in found.items() if ratio < LEAST * recorded.get(name, 0.0)]
    print(f"{'bare route / answer':<30}{'now':>10}{'recorded':>10}   ({kind})")
    for name, ratio in found.items():
        before = recorded.get(name)
        remark = "TOO SLOW" if name in worse else ""
        if before and ratio > _BETTER * before:
            remark = "better than recorded: record it"
        print(f"{name:<30}{ratio:>10.4f}{before or 0.0:>10.4f}   {remark}".rstrip())
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
