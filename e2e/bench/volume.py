"""Poll, claim and webhook beside many finished onboardings, against a thousand; and bytes per onboarding.

    python -m e2e.bench.volume --rows 10000000                  # both databases; needs about 40 GB
    python -m e2e.bench.volume --rows 1000000 --database sqlite

Fills two databases with finished onboardings, a small one and a big one, and both with the same few open ones, whose
keys are spread over all. Then it measures the two by turns, so that whatever else the machine does meets both. A ratio
is the median of the pairs'. A poll is the whole answer to one, without a server in front of the application.
Bytes per onboarding are measured with keys at random, because they fill pages less than keys in order.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Engine, text

from e2e.bench.command import lower_priority, options, run_command
from e2e.bench.filling import fill, size_of
from e2e.bench.fleet import DATABASES, database_of
from e2e.bench.speed.counted import Door
from e2e.bench.speed.seeding import WAITED
from e2e.servers import SECRET_KEY
from portal.app import create_app
from portal.config import Config
from portal.domain.status import Status
from portal.domain.validation import Observation
from portal.services.webhook_handler import VerifiedWebhook
from portal.store.database import make_engine
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.factories import an_adopted_validation, an_onboarding

FEW = 1000
OPEN = 300
SIZED = 20_000
_BATCHES = {"poll": 200, "claim": 10, "webhook": 20}


class Side:
    """One of the two databases, and what is done to it."""

    def __init__(self, url: str, rows: int) -> None:
        self.engine = make_engine(url)
        fill(self.engine, rows, in_order=True)
        config = Config(
            database_url=url, secret_keys=(SECRET_KEY,), gu1_api_key="bench", gu1_webhook_secrets=("bench",)
        )
        app = create_app(config)
        self._portal = app.extensions["portal"]
        self._door = Door(app, urlsplit(config.base_url).netloc)
        self._store = Repository(self.engine, ColumnCipher([SECRET_KEY]))
        self._random = random.Random(1)
        self._open = self._add_open(rows)
        self._polls = [self._door.poll_address(self._link(it)) for it in self._open]
        self._news = 0

    def poll(self) -> None:
        status, _body = self._door.get(self._random.choice(self._polls))
        if status != HTTPStatus.NO_CONTENT:
            raise RuntimeError(f"a poll was answered with {status}")

    def claim(self) -> None:
        """Everything open is due; what was claimed is released by its lease, which is over at once."""
        now = datetime.now(UTC)
        self._store.next_due(now)
        claimed = self._store.claim(now=now, lease_until=now, limit=16)
        if len(claimed) != 16:
            raise RuntimeError(f"{len(claimed)} onboardings were claimed instead of 16")

    def webhook(self) -> None:
        self._news += 1
        gu1_id = self._random.choice(self._open)
        status = Status.PENDING if self._news % 2 else Status.IN_PROGRESS
        seen = Observation(gu1_id=gu1_id, status=status, updated_at=datetime.now(UTC))
        body = f"{gu1_id} {self._news}".encode()
        if self._portal.webhooks.handle(VerifiedWebhook(gu1_id, seen), body) != "applied":
            raise RuntimeError("a webhook was not applied")

    def _add_open(self, rows: int) -> list[str]:
        now = datetime.now(UTC)
        found = []
        for number in range(OPEN):
            name = f"{number * rows // OPEN:08x}-open"
            validation = an_adopted_validation(
                gu1_id=name, nonce=name, opened_at=now - WAITED, gu1_updated_at=now, expires_at=now + timedelta(days=7)
            )
            due = now - timedelta(seconds=OPEN - number)
            times = {"due_at": due, "created_at": now - WAITED, "updated_at": now - WAITED, "watched_at": now}
            self._store.add(an_onboarding(id=name, details=None, validation=validation, **times))
            found.append(name)
        return found

    def _link(self, onboarding_id: str) -> str:
        return f"/o/{self._portal.access_links.token(self._portal.onboardings.get(onboarding_id))}"


class Compared(NamedTuple):
    name: str
    few: float
    many: float
    ratio: float


def compare(few: Side, many: Side, *, pairs: int) -> Iterator[Compared]:
    """Seconds per operation, medians."""
    for name, times in _BATCHES.items():
        sides = [getattr(side, name) for side in (few, many)]
        for operation in sides:
            _seconds(operation, times)  # warms up
        spent = []
        for number in range(pairs):
            order = (0, 1) if number % 2 else (1, 0)
            taken = {side: _seconds(sides[side], times) / times for side in order}
            spent.append((taken[0], taken[1]))
        few_median, many_median = (statistics.median(side) for side in zip(*spent, strict=True))
        yield Compared(name, few_median, many_median, statistics.median(big / small for small, big in spent))


def _seconds(operation: Callable[[], None], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        operation()
    return time.perf_counter() - began


def bytes_each(engine: Engine) -> float:
    empty = size_of(engine)
    fill(engine, SIZED, in_order=False)
    return (size_of(engine) - empty) / SIZED


def hot_updates(engine: Engine) -> str | None:
    """Of PostgreSQL's updates of the hot tables, how many wrote no index."""
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        rows = connection.execute(
            text(
                "SELECT relname, n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables"
                " WHERE relname IN ('onboardings', 'validations') ORDER BY relname"
            )
        )
        return " · ".join(f"{name}: {hot} of {updates} updates were HOT" for name, hot, updates in rows)


@contextmanager
def _database(kind: str, name: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix=f"volume-{name}-") as folder, database_of(kind, Path(folder)) as url:
        yield url


def main() -> None:
    parser = options("volume", __doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--pairs", type=int, default=15)
    told = parser.parse_args()
    lower_priority()
    for kind in told.database or DATABASES:
        with _database(kind, "sized") as url:
            engine = make_engine(url)
            each = bytes_each(engine)
            engine.dispose()
        with ExitStack() as stack:
            began = time.monotonic()
            urls = [stack.enter_context(_database(kind, name)) for name in ("few", "many")]
            few, many = Side(urls[0], FEW), Side(urls[1], told.rows)
            print(f"{kind}: {told.rows:,} onboardings, filled in {time.monotonic() - began:.0f} s")
            print(f"{'':9}{FEW:>12,} {told.rows:>14,}   ratio")
            for it in compare(few, many, pairs=told.pairs):
                print(f"{it.name:9}{it.few * 1e6:>9.0f} µs {it.many * 1e6:>11.0f} µs   {it.ratio:.2f} ×", flush=True)
            print(f"bytes for each finished and purged onboarding, indexes included: {each:.0f}")
            print(hot_updates(many.engine) or "", flush=True)
            few.engine.dispose()
            many.engine.dispose()


if __name__ == "__main__":
    run_command(main)
