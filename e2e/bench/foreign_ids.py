"""Whether a partner can tell by the API if an id is another partner's or nobody's: by the answer or by its time.

    python -m e2e.bench.foreign_ids --each 500 --seed 1 --json FILE

A partner's backend asks for ids of another partner's onboardings and for ids that nobody has, in turn, over one
connection. AUC is the share of pairs that it would order rightly by time: 0.5 is chance.
"""

from __future__ import annotations

import http.client
import json
import random
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from e2e.bench.command import options, run_command
from e2e.bench.enumeration import auc, is_chance
from e2e.bench.fleet import DATABASES, POSTGRESQL, create_schema
from e2e.bench.scenario import empty_database
from e2e.partners_fixture import RegisteredPartner, write_partners_file
from e2e.servers import environment
from portal.domain.limit_storage import NO_LIMITS

_ONBOARDINGS = "/api/v1/onboardings"
CALLS: dict[str, tuple[str, str, bytes | None]] = {
    "GET": ("GET", "", None),
    "GET events": ("GET", "/events", None),
    "PATCH": ("PATCH", "", b'{"state": "x"}'),
    "POST cancel": ("POST", "/cancel", None),
    "POST link": ("POST", "/link", None),
    "POST resend": ("POST", "/events/evt_6kzq0qQk0mX2m8m1o9nqRw/resend", None),
    "DELETE": ("DELETE", "", None),
}
_WARM_UP = 50
_OTHERS_ONBOARDINGS = 200

Answer = tuple[int, tuple[tuple[str, str], ...], bytes]


@dataclass
class Seen:
    """What came of the ids of one kind."""

    seconds: list[float] = field(default_factory=list)
    answers: set[Answer] = field(default_factory=set)


@dataclass(frozen=True)
class Result:
    database: str
    call: str
    foreign: Seen
    missing: Seen

    @property
    def auc(self) -> float:
        return auc(self.foreign.seconds, self.missing.seconds)

    @property
    def is_same(self) -> bool:
        return len(self.foreign.answers | self.missing.answers) == 1

    @property
    def is_clean(self) -> bool:
        return is_chance(self.auc) and self.is_same

    def line(self) -> str:
        times = [f"{median(it.seconds) * 1000:.2f} ms" for it in (self.foreign, self.missing)]
        same = "answers the same" if self.is_same else "answers DIFFERENT"
        count = f"{len(self.foreign.seconds)} + {len(self.missing.seconds)}"
        return f"{self.database:<10} {self.call:<11} {count}, AUC {self.auc:.3f}, {times[0]} / {times[1]}; {same}"

    def as_json(self) -> dict[str, Any]:
        return {"database": self.database, "call": self.call, "auc": self.auc, "is_clean": self.is_clean}


class Backend:
    """One partner's, over one connection."""

    def __init__(self, url: str, key: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: bytes | None) -> tuple[float, Answer]:
        began = time.perf_counter()
        self._connection.request(method, path, body=body, headers=self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        took = time.perf_counter() - began
        fixed = tuple(sorted(it for it in answer.getheaders() if it[0].lower() not in {"date", "x-request-id"}))
        return took, (answer.status, fixed, content)

    def start(self, external_id: str) -> str:
        _, (_, _, content) = self.call("POST", _ONBOARDINGS, json.dumps({"external_id": external_id}).encode())
        return str(json.loads(content)["id"])

    def close(self) -> None:
        self._connection.close()


def run(database: str, *, each: int, seed: int) -> Iterator[Result]:
    chance = random.Random(seed)
    with _two_partners(database) as (asking, other):
        foreign = [other.start(f"customer-{number}") for number in range(_OTHERS_ONBOARDINGS)]
        for number in range(_OTHERS_ONBOARDINGS):
            asking.start(f"customer-{number}")
        for name, call in CALLS.items():
            _compared(asking, call, foreign, _WARM_UP, chance)
            yield Result(database, name, *_compared(asking, call, foreign, each, chance))


def _compared(
    asking: Backend, call: tuple[str, str, bytes | None], foreign: Sequence[str], each: int, chance: random.Random
) -> tuple[Seen, Seen]:
    seen = {True: Seen(), False: Seen()}
    method, rest, body = call
    for _ in range(each):
        pair = [(True, chance.choice(foreign)), (False, secrets.token_urlsafe(16))]
        chance.shuffle(pair)
        for is_foreign, onboarding_id in pair:
            took, answer = asking.call(method, f"{_ONBOARDINGS}/{onboarding_id}{rest}", body)
            seen[is_foreign].seconds.append(took)
            seen[is_foreign].answers.add(answer)
    return seen[True], seen[False]


@contextmanager
def _two_partners(database: str) -> Iterator[tuple[Backend, Backend]]:
    with tempfile.TemporaryDirectory() as own, empty_database(database, Path(own)) as url:
        if database == POSTGRESQL:
            create_schema(url)
        partners = [
            RegisteredPartner(it, f"https://{it}.example", f"https://{it}.example/h") for it in ("shop", "bank")
        ]
        env = write_partners_file(Path(own) / "partners.toml", *partners)
        env |= {"PORTAL_LOG_LEVEL": "WARNING", "PORTAL_RATE_LIMIT_STORAGE": NO_LIMITS}
        with environment(Path(own), database_url=url, env=env) as running:
            shop, bank = (Backend(running.portal.url, it.api_key) for it in partners)
            with closing(shop), closing(bank):
                yield shop, bank


def main() -> int:
    told = options("foreign_ids", __doc__)
    told.add_argument("--each", type=int, default=500, help="pairs of each call (default: %(default)s)")
    given = told.parse_args()
    results = []
    for database in given.database or DATABASES:
        for result in run(database, each=given.each, seed=given.seed):
            print(result.line(), flush=True)
            results.append(result)
    if given.json:
        given.json.write_text(json.dumps([it.as_json() for it in results]))
    return int(not all(it.is_clean for it in results))


if __name__ == "__main__":
    run_command(main)
