"""How many instructions each kind of answer takes in process, against a bare Flask route.

Counted by callgrind (Debian: valgrind), which simulates the processor: other processes, caches and clocks change
nothing, and two runs differ by less than one part in a hundred. Without it, calls of functions are counted, which is
as exact but does not see what C code does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from e2e.bench.speed.counted import TIMES
from e2e.bench.speed.part import Terms
from e2e.bench.speed.seeding import seeded
from e2e.bench.speed.sides import Ground, ground
from e2e.bench.speed.tables import Table, times
from e2e.servers import ROOT

NAMES = ("bare route", "unchanged poll", "changed poll", "status page", "form", "/healthz")
_TOTALS = re.compile(r"^totals: (\d+)", re.MULTILINE)
_TRIES = 3
_PATIENCE = 600.0


def unit() -> str:
    return "instructions" if shutil.which("valgrind") and shutil.which("callgrind_control") else "calls"


def instructions(terms: Terms) -> list[Table]:
    table = Table("instructions", ("answer", "database", unit(), "of the bare route", "ratio"))
    for database in terms.databases:
        each = counts(terms.folder, database)
        for name, number in each.items():
            ratio = each[NAMES[0]] / number
            table.add(
                name,
                database,
                f"{number:,.0f}",
                f"{each[NAMES[0]]:,.0f}",
                times(ratio),
                database=database,
                unit=unit(),
                count=number,
                ratio=ratio,
            )
    return [table]


def counts(folder: Path, database: str) -> dict[str, float]:
    """For each name, of one answer."""
    with ground(folder / f"counts-{database}", database, workers=1) as here:
        link = seeded(here, 1)[0]
        here.portal.stop()
        for _ in range(_TRIES):
            found = _counted(here, link)
            if found:
                return found
    raise RuntimeError("what a page shows changed by time alone during each of the counts")


def _counted(here: Ground, link: str) -> dict[str, float] | None:
    """None if an answer changed during its count."""
    command = [sys.executable, "-m", "e2e.bench.speed.counted", link, unit()]
    dumps = here.folder / "callgrind.out"
    if unit() == "instructions":
        valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--dump-before=getppid"]
        command = [*valgrind, f"--callgrind-out-file={dumps}", *command]
    # The same hashes in each run; and none of the helpers that valgrind has no need for.
    env = {**os.environ, **here.portal.env, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    if done.returncode:
        raise RuntimeError(f"counting failed:\n{done.stderr[-3000:]}")
    if "changed" in done.stdout.split():
        return None
    if unit() == "calls":
        found = [int(it) for it in re.findall(r"^calls (\d+)", done.stdout, re.MULTILINE)]
    else:
        # The dump before each second mark has what happened since the first one.
        found = [_total(Path(f"{dumps}.{2 * number}")) for number in range(1, len(NAMES) + 1)]
    for old in here.folder.glob("callgrind.out*"):
        old.unlink()
    return {name: total / TIMES for name, total in zip(NAMES, found, strict=True)}


def _total(dump: Path) -> int:
    found = _TOTALS.search(dump.read_text())
    assert found, dump
    return int(found[1])
