"""How long a person waits until the photos can begin, while another address sends a hundred forms a second.

    python -m e2e.bench.fairness --people 20 --rate 100 --json FILE

Each person has an address of its own. The flood comes from one address, by its own process, each form with a fresh
token and another number. gu1 takes 0.3 seconds a call, a third more or less at random.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx

from e2e.bench.enumeration import JITTER, LATENCY, watched
from e2e.bench.scenario import tell
from e2e.servers import ROOT, environment
from tests.local_http import LOCAL

MOST_TIMES = 2.0
_SETTINGS = {
    "PORTAL_TRUSTED_PROXIES": "1",
    "PORTAL_STARTS_PER_ADDRESS": "30",
    "PORTAL_STARTS_PER_DOCUMENT": "10",
    "PORTAL_LOG_LEVEL": "ERROR",
}
_RISES_FOR = 5.0
_PAUSE = 0.5
_FOR_LONG = 1_000_000


async def people(url: str, number: int, chance: random.Random) -> list[float]:
    """Seconds from sending the form until the page is ready, of people who come one after another."""
    found = []
    async with httpx.AsyncClient(base_url=url, **LOCAL, timeout=60) as client:
        for _ in range(number):
            client.headers["X-Forwarded-For"] = f"198.51.{chance.randrange(256)}.{chance.randrange(256)}"
            seconds, _shown = await watched(client, str(chance.randrange(31_000_000, 98_000_000)))
            found.append(seconds)
            await asyncio.sleep(_PAUSE)
    return found


@contextmanager
def flooding(url: str, rate: float) -> Iterator[None]:
    command = [sys.executable, "-m", "e2e.bench.form_flood", url, str(rate)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # it begins
            time.sleep(_RISES_FOR)
            yield
        finally:
            print("the flood was answered:", process.communicate("\n")[0].strip(), flush=True)


def main() -> None:
    told = argparse.ArgumentParser(
        prog="python -m e2e.bench.fairness",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    told.add_argument("--people", type=int, default=20, help="calm, and as many in the flood (default: %(default)s)")
    told.add_argument("--rate", type=float, default=100.0, help="forms a second (default: %(default)s)")
    told.add_argument("--storage", default="memory://", help="of request limits, or none (default: %(default)s)")
    told.add_argument("--seed", type=int, default=1)
    told.add_argument("--json", type=Path, help="a file for the result")
    given = told.parse_args()
    chance, settings = random.Random(given.seed), {**_SETTINGS, "PORTAL_RATE_LIMIT_STORAGE": given.storage}
    with tempfile.TemporaryDirectory() as folder, environment(Path(folder), env=settings) as running:
        tell(running.gu1, "faults", kind="latency", seconds=LATENCY, jitter=JITTER, times=_FOR_LONG)
        calm = asyncio.run(people(running.portal.url, given.people, chance))
        with flooding(running.portal.url, given.rate):
            flooded = asyncio.run(people(running.portal.url, given.people, chance))
    times = median(flooded) / median(calm)
    print(
        f"{given.people} people calm: ready after {median(calm):.2f} s (longest {max(calm):.2f}); "
        f"beside {given.rate:.0f} forms a second: {median(flooded):.2f} s (longest {max(flooded):.2f}), {times:.2f} ×"
    )
    if given.json:
        given.json.write_text(json.dumps({"calm": calm, "flooded": flooded, "times": times}))
    sys.exit(times > MOST_TIMES)


if __name__ == "__main__":
    main()
