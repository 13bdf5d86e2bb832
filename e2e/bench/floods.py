"""A hundred thousand webhooks: genuine ones shuffled and repeated, forged ones, and short ones without a row.

    python -m e2e.bench.floods --webhooks 100000 --validations 2000 --seed 1 --json FILE

Only webhooks can tell the portal about the validations: for its runner gu1 is down meanwhile.
Seconds are the response times of a status page during the flood.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from sqlalchemy import create_engine, select

from e2e.bench.applicant_pool import Fault, applicant_pool, count
from e2e.bench.applicants import BY_NAME, REJECT
from e2e.bench.command import finish, lower_priority, options, run_command
from e2e.bench.fleet import DATABASES, POSTGRESQL, Fleet, database_of
from e2e.bench.forgeries import forged
from e2e.bench.load import WebhookRequest, probing, send_all
from e2e.bench.report import Line
from e2e.bench.scenario import fleet_on, kind_of, looks_at_gu1, processor_seconds, tell
from e2e.judge import kept
from e2e.mock_gu1 import SIGNATURE_HEADER
from portal.store.tables import metadata
from tests.local_http import LOCAL

WEBHOOKS = 100_000
VALIDATIONS = 2_000
DOOR = "/webhooks/gu1"
LIVES = (
    ("approve",),
    (REJECT,),
    ("review",),
    ("review", "approve"),
    ("review", "reject"),
    ("abandon",),
    ("abandon", "approve"),
    ("abandon", "review", "DOCUMENT_EXPIRED"),
    ("expire",),
    ("cancel",),
    ("approve", REJECT),
    ("approve-somebody-else",),
)
"""Outcomes of a validation after its hosted page was opened."""
_SLOWLY = 10.0
_LONG = 100_000
_CONCURRENCY = 8
_BEFORE = 5.0
_SHORT_SHARE = 10
_WRITTEN_BY_RUNNER = {
    "due_at",
    "lease_until",
    "fence",
    "failures",
    "stall_reason",
    "updated_at",
    "watched_at",
    "refreshes",
}
_HEADER_FORMS = (SIGNATURE_HEADER, SIGNATURE_HEADER.lower(), SIGNATURE_HEADER.upper())


Rows = dict[tuple[object, ...], dict[str, object]]


def run(
    *,
    seed: int,
    scale: float = 1.0,
    webhooks: int = WEBHOOKS,
    validations: int = VALIDATIONS,
    databases: Sequence[str] = DATABASES,
    folder: Path | None = None,
) -> list[Line]:
    """As many forged as genuine webhooks; a tenth of the short ones and of their validations."""
    sent, known = max(20, round(webhooks * scale)), max(10, round(validations * scale))
    lines = []
    with tempfile.TemporaryDirectory(dir=folder) as own:
        for kind in databases:
            lines += _flooded(Path(own) / kind, kind, seed, sent, known)
            lines += _hinted(Path(own) / f"{kind}-short", kind, seed, sent // _SHORT_SHARE, known // _SHORT_SHARE)
    return lines


def _flooded(folder: Path, kind: str, seed: int, webhooks: int, validations: int) -> list[Line]:
    folder.mkdir(parents=True)
    chance = random.Random(seed)
    genuine, false = Line("webhooks shuffled, repeated", "whole rows", kind), Line("webhooks forged", "", kind)
    with database_of(kind, folder) as url, _quiet_fleet(folder, url) as running:
        links = _validations(running, validations, chance)
        bodies = _told_by_gu1(running)
        tell(running.gu1, "outage", seconds=_LONG)
        _flood(genuine, running, _repeated(bodies, webhooks, chance), links)
        count(genuine, _disagreements(running))
        before = _rows(url)
        _flood(false, running, forged(bodies, webhooks, chance), links, right=401)
        count(false, [("wrong", f"changed: {what}") for what in _differences(before, _rows(url))])
    return [genuine, false]


def _hinted(folder: Path, kind: str, seed: int, webhooks: int, validations: int) -> list[Line]:
    """Webhooks without a row: each triggers a refresh, but no more refreshes than there are changes."""
    folder.mkdir(parents=True)
    chance = random.Random(seed)
    line = Line("webhooks shuffled, repeated", "short", kind)
    with database_of(kind, folder) as url, _quiet_fleet(folder, url) as running:
        tell(running.gu1, "world", webhook_envelope="v2a")
        links = _validations(running, validations, chance)
        bodies = _told_by_gu1(running)
        _flood(line, running, _repeated(bodies, webhooks, chance), links)
        count(line, asyncio.run(_agreement(running)))
        reads = sum(map(looks_at_gu1, running.urls))
        print(f"{kind}: {reads:.0f} reads of gu1 for {webhooks} short webhooks, {len(bodies)} of them different")
        if reads > 2 * (len(bodies) + validations):
            count(line, [("wrong", "more looks at gu1 than there were different webhooks")])
    return [line]


def _quiet_fleet(folder: Path, url: str) -> Any:
    return fleet_on(folder, url, ahead=(0.0, 0.0) if kind_of(url) == POSTGRESQL else (0.0,), time_scale=_SLOWLY)


def _validations(running: Fleet, wanted: int, chance: random.Random) -> list[str]:
    """Creates validations through the form and completes them while gu1 holds its webhooks. Returns status paths."""
    tell(running.gu1, "webhooks", hold=True)
    links = asyncio.run(_started(running, wanted, chance.randrange(1000)))
    for number, row in enumerate(running.ledger()):
        httpx.get(f"{running.gu1.url}/session/{row['session']}", **LOCAL).raise_for_status()
        for outcome in LIVES[number % len(LIVES)]:
            tell(running.gu1, f"validations/{row['id']}/outcome", outcome=outcome)
    return [f"{link}/status" for link in links]


async def _started(running: Fleet, wanted: int, seed: int) -> list[str]:
    turns = asyncio.Semaphore(_CONCURRENCY)
    async with applicant_pool(running.urls, seed) as people:

        async def start() -> None:
            async with turns:
                await people.newcomer(BY_NAME["leave"]).goes()

        await asyncio.gather(*(start() for _ in range(wanted)))
        return [intent.link for intent in people.intents if intent.link]


def _told_by_gu1(running: Fleet) -> list[WebhookRequest]:
    answer = httpx.get(f"{running.gu1.url}/_mock/webhooks", **LOCAL, timeout=120)
    held = answer.json()["deliveries"]
    return [WebhookRequest(it["body"].encode(), {SIGNATURE_HEADER: it["signature"]}) for it in held]


def _repeated(bodies: Sequence[WebhookRequest], wanted: int, chance: random.Random) -> list[WebhookRequest]:
    """Each at least once, in random order, with the header name in any case."""
    requests = [*bodies, *chance.choices(bodies, k=max(0, wanted - len(bodies)))]
    chance.shuffle(requests)
    return [WebhookRequest(it.body, {chance.choice(_HEADER_FORMS): it.headers[SIGNATURE_HEADER]}) for it in requests]


def _flood(
    line: Line, running: Fleet, requests: Sequence[WebhookRequest], pages: Sequence[str], right: int = 200
) -> None:
    with probing(running.urls[0], pages) as before:
        time.sleep(min(_BEFORE, 1 + len(requests) / 1000))
    used = sum(map(processor_seconds, running.replicas))
    with probing(running.urls[0], pages) as line.seconds:
        result = send_all(running.urls, DOOR, requests)
    each = (sum(map(processor_seconds, running.replicas)) - used) / len(requests)
    line.runs += len(requests)
    wrong = {status: times for status, times in result.statuses.items() if status != right}
    if wrong:
        count(line, [("lost" if right == 200 else "wrong", f"answered: {wrong}")])
    if result.put_off:
        print(f"{line.database}, {line.point}: {result.put_off} times 503, as often sent again")
    _say(line, result.rate, each, before)


def _say(line: Line, rate: float, each: float, before: Sequence[float]) -> None:
    late = quantiles(line.seconds, n=20)[-1] if len(line.seconds) > 1 else 0.0
    # A short flood may be over before the first page was asked for.
    middle = median(line.seconds or before)
    usual, beside, late = (f"{1000 * seconds:.0f} ms" for seconds in (median(before), middle, late))
    print(f"{line.database}, {line.fault}, {line.point}: {rate:.0f}/s, {1000 * each:.1f} ms of CPU each", end="; ")
    print(f"a status page took {usual} before and {beside} during the flood, 95% within {late}", flush=True)


async def _agreement(running: Fleet, patience: float = 120.0) -> list[Fault]:
    """Waits until the runner's refreshes are done."""
    for _ in range(round(patience)):
        if not _disagreements(running):
            break
        await asyncio.sleep(1)
    return _disagreements(running)


def _disagreements(running: Fleet) -> list[Fault]:
    """Every status must equal gu1's, final or not."""
    ours, theirs = kept(running.database_url), {row["id"]: row["status"] for row in running.ledger()}
    return [("wrong", f"{key}: {ours.get(key)} here, {it} at gu1") for key, it in theirs.items() if ours.get(key) != it]


def _rows(database_url: str) -> Rows:
    """Every row of every table, without the columns that the runner writes while it waits for gu1."""
    engine, found = create_engine(database_url), {}
    try:
        with engine.connect() as connection:
            for table in metadata.sorted_tables:
                for row in connection.execute(select(table)).mappings():
                    key = (table.name, *(row[column.name] for column in table.primary_key.columns))
                    found[key] = {
                        name: _comparable(name, value) for name, value in row.items() if name not in _WRITTEN_BY_RUNNER
                    }
    finally:
        engine.dispose()
    return found


def _comparable(name: str, value: object) -> object:
    """Encrypted values differ after each write."""
    return value is not None if name.endswith("_sealed") else value


def _differences(before: Rows, after: Rows) -> list[str]:
    return [
        f"{key[0]}.{name}"
        for key in before.keys() | after.keys()
        for name in before.get(key, {}).keys() | after.get(key, {}).keys()
        if before.get(key, {}).get(name) != after.get(key, {}).get(name)
    ]


def main() -> None:
    told = options("floods", __doc__)
    told.add_argument("--webhooks", type=int, default=WEBHOOKS, help="of each kind (default: %(default)s)")
    told.add_argument("--validations", type=int, default=VALIDATIONS, help="default: %(default)s")
    given = told.parse_args()
    lower_priority()
    counts = {"webhooks": given.webhooks, "validations": given.validations}
    finish(run(seed=given.seed, databases=given.database or DATABASES, **counts), given.json)


if __name__ == "__main__":
    run_command(main)
