"""Whether a stranger can tell by the pages if gu1 knew a number before: what is shown, and how long it takes.

    python -m e2e.bench.enumeration --each 200 --seed 1 --json FILE

A stranger sends forms with numbers that gu1 knows and numbers that it does not, in turn, and polls each page far more
often than a browser does until it is ready. AUC is the share of pairs that the stranger would order rightly by time:
0.5 is chance. gu1 takes 0.3 seconds a call, a third more or less at random, and is found by number ("found") or only
says 409 to the attempt ("refused"), which is one call more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from e2e.bench.command import run_command
from e2e.bench.scenario import tell
from e2e.pages.forms import NAVIGATES, details, form_token
from e2e.servers import API_KEY, Environment, environment
from tests.local_http import LOCAL

LATENCY, JITTER = 0.3, 0.1
MOST_AUC = 0.55
WAYS = ("found", "refused")
_WARM_UP = 10
_CONCURRENCY = 4
_PAUSE = 0.02
_PATIENCE = 30.0
_FOR_LONG = 1_000_000
_FORBIDDEN = 403
_NEXT_POLL = re.compile(r"every \d+ms")

Shown = tuple[tuple[Any, ...], ...]


@dataclass
class Seen:
    """What the stranger saw of the numbers of one kind."""

    seconds: list[float] = field(default_factory=list)
    shown: Counter[Shown] = field(default_factory=Counter)
    """Each answer that differed from the one before: its status, headers and length."""


@dataclass(frozen=True)
class Result:
    way: str
    known: Seen
    new: Seen

    @property
    def auc(self) -> float:
        return auc(self.known.seconds, self.new.seconds)

    @property
    def is_clean(self) -> bool:
        return is_chance(self.auc) and self.known.shown.keys() == self.new.shown.keys()

    def line(self) -> str:
        same = "the same" if self.known.shown.keys() == self.new.shown.keys() else "DIFFERENT"
        times = f"median {median(self.known.seconds):.2f} s known, {median(self.new.seconds):.2f} s new"
        count = f"{len(self.known.seconds)} + {len(self.new.seconds)}"
        return f"{self.way}: {count} onboardings, AUC {self.auc:.3f}, {times}; answers {same}"

    def as_json(self) -> dict[str, Any]:
        seconds = {"known": self.known.seconds, "new": self.new.seconds}
        return {"way": self.way, "auc": self.auc, "seconds": seconds, "is_clean": self.is_clean}


def auc(ones: Sequence[float], others: Sequence[float]) -> float:
    """How often one of `ones` is longer than one of `others`; half of the ties count."""
    longer = sum((one > other) + (one == other) / 2 for one in ones for other in others)
    return longer / (len(ones) * len(others))


def is_chance(found: float) -> bool:
    """Whether so few pairs were ordered rightly, or wrongly, that time tells nothing."""
    return abs(found - 0.5) <= MOST_AUC - 0.5


def run(way: str, *, each: int, seed: int, folder: Path) -> Result:
    folder.mkdir(parents=True)
    with environment(folder, env={"PORTAL_LOG_LEVEL": "WARNING"}) as running:
        if way == "refused":
            tell(running.gu1, "faults", kind="status", status=_FORBIDDEN, operation="find_entities", times=_FOR_LONG)
        tell(running.gu1, "faults", kind="latency", seconds=LATENCY, jitter=JITTER, times=_FOR_LONG)
        return Result(way, *asyncio.run(_attacked(running, each, random.Random(seed))))


async def _attacked(running: Environment, each: int, chance: random.Random) -> tuple[Seen, Seen]:
    numbers = [str(it) for it in chance.sample(range(31_000_000, 98_000_000), 2 * (each + _WARM_UP))]
    known = numbers[::2]
    await _made_known(running.gu1.url, known)
    seen = {True: Seen(), False: Seen()}
    await _tried(running.portal.url, numbers[: 2 * _WARM_UP], set(known), {True: Seen(), False: Seen()})
    rest = numbers[2 * _WARM_UP :]
    chance.shuffle(rest)
    await _tried(running.portal.url, rest, set(known), seen)
    return seen[True], seen[False]


async def _made_known(gu1_url: str, numbers: Sequence[str]) -> None:
    person = {"type": "person", "name": "Ana Pérez", "countryCode": "AR"}
    async with httpx.AsyncClient(**LOCAL, timeout=_PATIENCE) as client:
        turns = asyncio.Semaphore(32)

        async def make(number: str) -> None:
            async with turns:
                answer = await client.post(
                    f"{gu1_url}/api/entities",
                    json={**person, "taxId": number},
                    headers={"Authorization": f"Bearer {API_KEY}"},
                )
                answer.raise_for_status()

        await asyncio.gather(*map(make, numbers))


async def _tried(url: str, numbers: Sequence[str], known: set[str], seen: dict[bool, Seen]) -> None:
    turns = asyncio.Semaphore(_CONCURRENCY)
    async with httpx.AsyncClient(base_url=url, **LOCAL, timeout=_PATIENCE) as client:

        async def attempt(number: str) -> None:
            async with turns:
                took, shown = await watched(client, number)
            seen[number in known].seconds.append(took)
            seen[number in known].shown[shown] += 1

        await asyncio.gather(*map(attempt, numbers))


async def watched(client: httpx.AsyncClient, number: str) -> tuple[float, Shown]:
    page = await client.get("/", headers=NAVIGATES)
    sent = await client.post("/", data=details(number, form_token(page.text)))
    began = time.monotonic()
    shown: list[tuple[Any, ...]] = [_outside(sent)]
    link = sent.headers["Location"]
    while time.monotonic() < began + _PATIENCE:
        answer = await client.get(f"{link}/status", headers=NAVIGATES)
        took = time.monotonic() - began
        if _outside(answer) != shown[-1]:
            shown.append(_outside(answer))
        if f"{link}/continue" in answer.text or answer.headers.get("Location", "").endswith("/continue"):
            return took, tuple(shown)
        await asyncio.sleep(_PAUSE)
    raise TimeoutError(f"not ready after {_PATIENCE:.0f} s")


def _outside(answer: httpx.Response) -> tuple[Any, ...]:
    """What does not name this onboarding. The time of the next poll is a little different in each answer."""
    body = _NEXT_POLL.sub("", answer.text)
    return answer.status_code, tuple(sorted(answer.headers.keys())), len(body)


def main() -> None:
    told = argparse.ArgumentParser(
        prog="python -m e2e.bench.enumeration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    told.add_argument("--each", type=int, default=200, help="onboardings of each kind (default: %(default)s)")
    told.add_argument("--way", choices=WAYS, action="append", help="default: each")
    told.add_argument("--seed", type=int, default=1)
    told.add_argument("--json", type=Path, help="a file for the results")
    given = told.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for way in given.way or WAYS:
            results.append(run(way, each=given.each, seed=given.seed, folder=Path(folder) / way))
            print(results[-1].line(), flush=True)
    if given.json:
        given.json.write_text(json.dumps([it.as_json() for it in results]))
    sys.exit(not all(it.is_clean for it in results))


if __name__ == "__main__":
    run_command(main)
