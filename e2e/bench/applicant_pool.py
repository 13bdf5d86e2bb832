"""Many applicants at once, and whether each reached the right page."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

from e2e.bench.applicants import PLANS, Applicant, Door, Intent, Lost, Plan
from e2e.bench.report import Line
from e2e.pages.forms import onboarding_id
from tests.local_http import LOCAL

Rows = Sequence[dict[str, Any]]
"""Validations of the mock's ledger."""
_CONCURRENCY = 12
Fault = tuple[str, str]
"""A column of the report's table, and what happened."""


class ApplicantPool:
    def __init__(self, door: Door, client: httpx.AsyncClient, chance: random.Random) -> None:
        self.door = door
        self.intents: list[Intent] = []
        self._client = client
        self._chance = chance
        self._numbers = iter(chance.sample(range(31_000_000, 98_000_000), 100_000))
        self._is_open = True

    def newcomer(self, plan: Plan) -> Applicant:
        intent = Intent(plan, str(next(self._numbers)))
        self.intents.append(intent)
        return Applicant(intent, self.door, self._client)

    async def keep_busy(self, places: int, during: Callable[[], Awaitable[None]], *, patience: float) -> None:
        """Keeps `places` applicants active while `during` runs; afterwards the rest get `patience` seconds."""
        streams = [asyncio.create_task(self._stream()) for _ in range(places)]
        try:
            await during()
        finally:
            self._is_open = False
            _, late = await asyncio.wait(streams, timeout=patience)
            for stream in late:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)
        await self.check_all(self.intents, patience)

    async def _stream(self) -> None:
        while self._is_open:
            applicant = self.newcomer(self._chance.choices(PLANS, [plan.share for plan in PLANS])[0])
            try:
                await applicant.goes()
            except Lost as lost:
                applicant.intent.problem = str(lost)

    async def check_all(self, intents: Sequence[Intent], patience: float) -> None:
        """Checks these again: whoever had arrived must still be there."""
        turns = asyncio.Semaphore(_CONCURRENCY)

        async def look(intent: Intent) -> None:
            async with turns:
                with suppress(Lost):
                    await Applicant(intent, self.door, self._client).looks()

        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await asyncio.gather(*(look(intent) for intent in intents if intent.is_acknowledged))


@asynccontextmanager
async def applicant_pool(urls: list[str], seed: int) -> AsyncIterator[ApplicantPool]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx.AsyncClient(**LOCAL, timeout=15, limits=limits) as client:
        chance = random.Random(seed)
        yield ApplicantPool(Door(urls, client, chance), client, chance)


def judged(intents: Sequence[Intent], rows: Rows, bare: Sequence[str] = ()) -> list[Fault]:
    """All deviations from the intents."""
    of = defaultdict(list)
    for row in rows:
        of[row["onboarding"]].append(row)
    found = [("bare", what) for what in bare]
    for intent in intents:
        own = of.pop(onboarding_id(intent.link), []) if intent.link else []
        found += [(kind, f"{intent.plan.name} {intent.link}: {what}") for kind, what in _faults_of(intent, own)]
    return found + [("double", f"{stranger}: an onboarding that nobody asked for") for stranger in of]


def count(line: Line, faults: Sequence[Fault]) -> None:
    for kind, what in faults:
        setattr(line, kind, getattr(line, kind) + 1)
        print(f"{line.database}, {line.point}: {kind}: {what}", flush=True)


def _faults_of(intent: Intent, rows: Rows) -> list[Fault]:
    faults: list[Fault] = []
    nonces = [row["nonce"] for row in rows if row["charged"]]
    if len(nonces) > intent.plan.charges or len(set(nonces)) < len(nonces):
        faults.append(("double", f"{len(nonces)} charges instead of {intent.plan.charges}"))
    if len(intent.links) > 1:
        faults.append(("double", f"{len(intent.links)} access links of one form"))
    if intent.problem or (intent.is_acknowledged and not rows):
        faults.append(("lost", intent.problem or "gu1 never heard of it"))
    elif not intent.is_right:
        faults.append(("stuck", f"at {intent.stage}, not at {intent.plan.ends}"))
    elif not _agrees(intent, rows):
        faults.append(("wrong", f"{intent.status} here, {[row['status'] for row in rows]} at gu1"))
    return faults


def _agrees(intent: Intent, rows: Rows) -> bool:
    if len([row for row in rows if row["charged"]]) < intent.plan.charges:
        return False
    latest = max(row["validation"] for row in rows)
    there = {row["status"] for row in rows if row["validation"] == latest}
    return "cancelled" in there if intent.plan.ends == "cancelled" else intent.status in there


def duplicates(rows: Rows) -> int:
    """Number of duplicate validations at gu1, which no applicant is ever shown."""
    return len(rows) - len({(row["onboarding"], row["validation"]) for row in rows})


def waits(intents: Sequence[Intent], moments: Sequence[float]) -> list[float]:
    """For each moment and each applicant active then: the seconds until that applicant's next step."""
    found = []
    for intent in intents:
        for (left, _), (reached, _) in zip(intent.milestones, intent.milestones[1:], strict=False):
            found += [reached - moment for moment in moments if left < moment < reached]
    return found
