"""How often the portal reads a validation at gu1 while its applicant waits and polls, and never twice at once.

Two replicas on one database, in a tenth of the time: the waits of the runner and those between polls alike. A sync
counts as a read, because it takes the place of one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import httpx

from e2e.bench.fleet import database_of
from e2e.bench.serving import bench_portal
from e2e.bench.speed.part import Terms
from e2e.bench.speed.quick_gu1 import quick_gu1
from e2e.bench.speed.seeding import HTMX_HEADERS, POLL_URL, wait_until_adopted, webhooks
from e2e.bench.speed.sides import SETTINGS, Ground
from e2e.bench.speed.tables import Table
from e2e.pages.applicant import a_document_number
from e2e.pages.forms import NAVIGATES, send_form
from e2e.servers import on_database
from portal.domain.polling import poll_interval
from tests.local_http import LOCAL
from tests.ports import free_port

SCALE = 0.1
PEOPLE = 10
"""In each row."""
MOMENTS = (60, 180, 600)
"""Seconds of waiting after which to count, as the applicant's clock shows them."""
_WEBHOOK_EVERY = 5.0
_TRUSTED_WITHIN = 15.0
"""Seconds by the same clock, until each replica has heard of the first webhook."""
_PATIENCE = 60.0


def gu1_reads(terms: Terms) -> list[Table]:
    columns = ("webhooks", "people", "waited", "polls", "reads of gu1", "reads per poll", "goal")
    table = Table("reads", (*columns, "of one validation at once"))
    database = terms.databases[-1]
    folder = terms.folder / "reads"
    folder.mkdir()
    for told, groups in (("none", ("at the photos",)), ("arrive", ("at the photos", "back from them"))):
        with _ground(folder / told, database) as (here, urls), _webhooks_of_another(here, is_sent=told == "arrive"):
            for count in _Waiting(urls, here, groups).counts():
                _add(table, told, count)
    table.notes.append(
        f"{PEOPLE} people in each row over two replicas on {database}. Webhooks arrive at one of these, about somebody"
        " else, so every word about those who wait has to be read. Syncs count as reads."
    )
    return [table]


def _add(table: Table, told: str, count: _Count) -> None:
    per_poll = count.reads / max(1, count.polls)
    table.add(
        told,
        count.group,
        f"{count.moment} s",
        f"{count.polls:,}",
        f"{count.reads:,}",
        f"{per_poll:.3f}",
        "≤ 0.02" if told == "arrive" else "",
        f"{count.most_at_once}; never 2",
        people=count.group,
        waited=count.moment,
        reads_per_poll=per_poll,
        most_at_once=count.most_at_once,
    )


@contextmanager
def _ground(folder: Any, database: str) -> Iterator[tuple[Ground, list[str]]]:
    folder.mkdir()
    ports = [free_port() for _ in range(2)]
    with quick_gu1(folder, port=free_port(), latency=SCALE * 0.3) as gu1, database_of(database, folder) as url:
        env = {**on_database(url), **SETTINGS, "TMPDIR": str(folder)}
        replicas = [bench_portal(folder, port=it, gu1_url=gu1.url, env=env, time_scale=SCALE) for it in ports]
        with replicas[0], replicas[1]:
            yield Ground(replicas[0], gu1, url, folder), [it.url for it in replicas]


@contextmanager
def _webhooks_of_another(here: Ground, *, is_sent: bool) -> Iterator[None]:
    """One every few seconds meanwhile."""
    if not is_sent:
        yield
        return
    send_form(here.portal.url, a_document_number())
    wait_until_adopted(here, 1)
    (another,) = _counted(here)["validations"]
    is_over = threading.Event()

    def send() -> None:
        for status in cycle(("in_progress", "abandoned")):
            ((content, headers),) = webhooks(here, status, another)
            url = f"{here.portal.url}/webhooks/gu1"
            httpx.post(url, content=content, headers=headers, **LOCAL, timeout=_PATIENCE).raise_for_status()
            if is_over.wait(SCALE * _WEBHOOK_EVERY):
                break

    sender = threading.Thread(target=send)
    sender.start()
    try:
        time.sleep(SCALE * _TRUSTED_WITHIN)
        yield
    finally:
        is_over.set()
        sender.join()


def _counted(here: Ground) -> dict[str, Any]:
    return dict(httpx.get(f"{here.gu1.url}/_quick/reads", **LOCAL, timeout=_PATIENCE).json())


@dataclass(frozen=True)
class _Count:
    group: str
    moment: int
    polls: int
    reads: int
    most_at_once: int


@dataclass
class _Person:
    group: str
    portal_url: str
    link: str
    session: str = ""
    polls: int = 0


class _Waiting:
    """People who opened the hosted page, some of whom came back from it, and who poll as their pages would."""

    def __init__(self, urls: list[str], here: Ground, groups: tuple[str, ...]) -> None:
        self._here = here
        self._over = threading.Event()
        known = len(_counted(here)["validations"])
        self._groups = groups
        self._people = [
            _Person(group, urls[number % 2], urlsplit(send_form(urls[0], a_document_number())).path)
            for number in range(PEOPLE)
            for group in groups
        ]
        wait_until_adopted(here, known + len(self._people))

    def counts(self) -> Iterator[_Count]:
        """Of each group at each moment."""
        threads = [threading.Thread(target=self._wait, args=(person,)) for person in self._people]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        found = []
        try:
            for moment in MOMENTS:
                time.sleep(max(0.0, began + moment * SCALE - time.monotonic()))
                told = _counted(self._here)
                found += [self._count(group, moment, told) for group in self._groups]
        finally:
            self._over.set()
            for thread in threads:
                thread.join()
        yield from sorted(found, key=lambda it: self._groups.index(it.group))

    def _count(self, group: str, moment: int, told: dict[str, Any]) -> _Count:
        people = [it for it in self._people if it.group == group]
        reads = sum(told["reads"][it.session] for it in people)
        return _Count(group, moment, sum(it.polls for it in people), reads, told["most_at_once"])

    def _wait(self, person: _Person) -> None:
        with httpx.Client(base_url=person.portal_url, **LOCAL, timeout=_PATIENCE) as client:
            while not person.session:
                address = client.get(f"{person.link}/continue", headers=NAVIGATES).headers.get("Location", "")
                person.session = address.partition("/session/")[2]
                time.sleep(0 if person.session else 0.05)
            if person.group == "back from them":
                back = client.get("/return", params={"verificationSessionId": person.session}, headers=NAVIGATES)
                assert back.status_code in {200, 303}, back.status_code
            began, path = time.monotonic(), f"{person.link}/status?part=status"
            while not self._over.wait(SCALE * poll_interval((time.monotonic() - began) / SCALE)):
                answer = client.get(path, headers=HTMX_HEADERS)
                assert answer.status_code in {200, 204}, answer.status_code
                person.polls += 1
                path = POLL_URL.search(answer.text)[1].replace("&amp;", "&") if answer.status_code == 200 else path
