"""Clocks that disagree: between replicas, a replica's clock that jumps, and gu1's clock.

    python -m e2e.bench.clocks --seed 1 --json FILE

Every few creates gu1's answer is lost, so that reconciling is tried under each clock too.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from flask import Response

from e2e.bench.applicant_pool import duplicates
from e2e.bench.command import finish, lower_priority, options, run_command
from e2e.bench.fleet import DATABASES, POSTGRESQL, Fleet, database_of
from e2e.bench.interrupted_visitor import InterruptedVisitor
from e2e.bench.report import Line
from e2e.bench.scenario import Behind, Worst, fleet_on, looks_at_gu1, tell, under_load
from e2e.bench.serving import set_clock
from e2e.mock_gu1 import SIGNATURE_HEADER, create_mock, serving
from e2e.mock_gu1.clock import utc_now
from e2e.mock_gu1.envelopes import signature
from e2e.mock_gu1.webhooks import over_http
from e2e.servers import API_KEY, ROOT, WEBHOOK_SECRET, Server

SECONDS = 20.0
MINUTES, DAY = 600.0, 86_400.0
APART = (0.0, MINUTES, -MINUTES, DAY, -DAY)
JUMPS = (MINUTES, DAY)
GU1_AHEAD = (300.0, -300.0)
STALE = "the form was answered with 400"
"""By the reading replica's clock the form is a day old: it is shown again with all typed values."""
_PLACES = 8
_JUMPS_EACH = 3
_LOST_EVERY = 7
_LOST = 20
_MILLISECONDS = re.compile(rb"(T\d\d:\d\d:\d\d)\.\d{3}Z")


def run(
    *, seed: int, scale: float = 1.0, databases: Sequence[str] = DATABASES, folder: Path | None = None
) -> list[Line]:
    seconds = max(3.0, SECONDS * scale)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        lines = [apart(Path(own), ahead, seed, seconds) for ahead in APART] if POSTGRESQL in databases else []
        for database in databases:
            lines += [jumping(Path(own), database, ahead, seed, seconds) for ahead in JUMPS]
            lines += [gu1_off(Path(own), database, seed, seconds, ahead=ahead) for ahead in GU1_AHEAD]
            lines.append(gu1_off(Path(own), database, seed, seconds, whole_seconds=True))
    return lines


def apart(folder: Path, ahead: float, seed: int, seconds: float = SECONDS) -> Line:
    """Two replicas, one with its clock ahead; applicants reach either."""
    line = Line("replicas' clocks apart", _words(ahead), POSTGRESQL)

    def worst(running: Fleet, _visitors: list[InterruptedVisitor]) -> list[float]:
        return _wait(seconds)

    return _tried(line, folder / f"apart-{ahead:.0f}", worst, seed, replicas=2, ahead=ahead)


def jumping(folder: Path, database: str, ahead: float, seed: int, seconds: float = SECONDS) -> Line:
    """The clock jumps forward and back at run time; on PostgreSQL a second replica's clock stays right."""
    line = Line("a replica's clock jumps and back", _words(ahead), database)

    def worst(running: Fleet, _visitors: list[InterruptedVisitor]) -> list[float]:
        ends = []
        for _ in range(_JUMPS_EACH):
            time.sleep(seconds / _JUMPS_EACH / 2)
            set_clock(running.replicas[0], ahead)
            time.sleep(seconds / _JUMPS_EACH / 2)
            set_clock(running.replicas[0], 0.0)
            ends.append(time.monotonic())
        return ends

    replicas = 2 if database == POSTGRESQL else 1
    return _tried(line, folder / f"jump-{database}-{ahead:.0f}", worst, seed, replicas=replicas)


def gu1_off(
    folder: Path, database: str, seed: int, seconds: float = SECONDS, *, ahead: float = 0.0, whole_seconds: bool = False
) -> Line:
    line = Line("gu1's clock off", "whole seconds" if whole_seconds else _words(ahead), database)
    behind = partial(_gu1, ahead=ahead, whole_seconds=whole_seconds)

    def worst(_running: Fleet, _visitors: list[InterruptedVisitor]) -> list[float]:
        return _wait(seconds)

    name = f"gu1-{database}-{line.point.replace(' ', '')}"
    return _tried(line, folder / name, worst, seed, behind=behind)


def _tried(
    line: Line,
    folder: Path,
    worst: Worst,
    seed: int,
    *,
    replicas: int = 1,
    ahead: float = 0.0,
    behind: Behind | None = None,
) -> Line:
    folder.mkdir(parents=True)
    with (
        database_of(line.database, folder) as url,
        fleet_on(folder, url, ahead=(0.0, ahead)[:replicas], gu1=behind) as running,
    ):
        tell(running.gu1, "world", list_rows="abbreviated")
        for number in range(1, _LOST + 1):
            lost = {"operation": "create_validation", "kind": "close", "when": "after", "nth": number * _LOST_EVERY}
            tell(running.gu1, "faults", **lost)
        under_load(line, running, worst, seed=seed, places=_PLACES, forgives=STALE)
        looks = sum(map(looks_at_gu1, running.urls)) / max(1, line.runs)
        rows = running.ledger()
        open_duplicates = duplicates([row for row in rows if row["status"] != "cancelled"])
        print(f"{line.database}, {line.fault}, {line.point}: {line.runs} applicants", end=", ")
        print(
            f"{looks:.1f} reads of gu1 for each, {duplicates(rows)} duplicates, {open_duplicates} still open",
            flush=True,
        )
    return line


def _wait(seconds: float) -> list[float]:
    time.sleep(seconds)
    return []


def _words(ahead: float) -> str:
    sign = "+" if ahead > 0 else "-" if ahead < 0 else ""
    size = abs(ahead)
    return f"{sign}{size / DAY:.0f} d" if size >= DAY else f"{sign}{size / 60:.0f} min"


@contextmanager
def _gu1(portal_url: str, *, ahead: float, whole_seconds: bool) -> Iterator[Server]:
    """A mock on a thread of this process, with its own clock."""

    def now() -> datetime:
        return utc_now() + timedelta(seconds=ahead)

    mock = create_mock(
        now=now,
        api_key=API_KEY,
        webhook_url=f"{portal_url}/webhooks/gu1",
        webhook_secret=WEBHOOK_SECRET,
        return_url=f"{portal_url}/return",
        deliver=_deliver_whole if whole_seconds else over_http,
    )
    if whole_seconds:
        mock.after_request(_whole)
    with serving(mock) as server:
        yield Server([], server.url, "", ROOT / "unused.log")


def _whole(response: Response) -> Response:
    response.set_data(_cut(response.get_data()))
    return response


def _deliver_whole(url: str, body: bytes, headers: dict[str, str]) -> int:
    cut = _cut(body)
    return over_http(url, cut, headers | {SIGNATURE_HEADER: signature(WEBHOOK_SECRET, cut)})


def _cut(body: bytes) -> bytes:
    return _MILLISECONDS.sub(rb"\1Z", body)


def main() -> None:
    told = options("clocks", __doc__)
    told.add_argument("--seconds", type=float, default=SECONDS, help="per clock (default: %(default)s)")
    given: argparse.Namespace = told.parse_args()
    lower_priority()
    scale = given.seconds / SECONDS
    finish(run(seed=given.seed, scale=scale, databases=given.database or DATABASES), given.json)


if __name__ == "__main__":
    run_command(main)
