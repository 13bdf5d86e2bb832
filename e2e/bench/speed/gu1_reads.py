"""How often the portal reads a validation at gu1 while its applicant waits and polls, and never twice at once.

Two replicas on one database, in a tenth of the time: the waits of the runner and those between polls alike.
"""

from __future__ import annotations

import threading
import time
from urllib.parse import urlsplit

import httpx

from e2e.bench.fleet import database_of
from e2e.bench.serving import bench_portal
from e2e.bench.speed.part import Terms
from e2e.bench.speed.quick_gu1 import quick_gu1
from e2e.bench.speed.seeding import HTMX_HEADERS, POLL_URL, wait_until_adopted
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
MOMENTS = (60, 180, 600)
"""Seconds of waiting after which to count, as the applicant's clock shows them."""
_PATIENCE = 60.0


def gu1_reads(terms: Terms) -> list[Table]:
    table = Table("reads", ("waited", "polls", "reads of gu1", "reads per poll", "goal", "of one validation at once"))
    database = terms.databases[-1]
    folder = terms.folder / "reads"
    folder.mkdir()
    ports = [free_port() for _ in range(2)]
    with quick_gu1(folder, port=free_port(), latency=SCALE * 0.3) as gu1, database_of(database, folder) as url:
        env = {**on_database(url), **SETTINGS, "TMPDIR": str(folder)}
        replicas = [bench_portal(folder, port=it, gu1_url=gu1.url, env=env, time_scale=SCALE) for it in ports]
        with replicas[0], replicas[1]:
            waiting = _Waiting([it.url for it in replicas], Ground(replicas[0], gu1, url, folder))
            for moment, polls, told in waiting.counts():
                per_poll = told["reads"] / max(1, polls)
                most = told["most_at_once"]
                table.add(
                    f"{moment} s",
                    f"{polls:,}",
                    f"{told['reads']:,}",
                    f"{per_poll:.3f}",
                    "≤ 0.02",
                    f"{most}; never 2",
                    reads_per_poll=per_poll,
                    most_at_once=most,
                )
    table.notes.append(
        f"{PEOPLE} people over two replicas on {database}; no webhook arrives, so every word of gu1 has to be read."
    )
    return [table]


class _Waiting:
    """People who opened the hosted page and poll as their pages would."""

    def __init__(self, urls: list[str], ground: Ground) -> None:
        self._urls = urls
        self._ground = ground
        self._over = threading.Event()
        self._polls = 0
        self._counting = threading.Lock()
        self._links = [urlsplit(send_form(urls[0], a_document_number())).path for _ in range(PEOPLE)]
        wait_until_adopted(ground, PEOPLE)

    def counts(self):
        """Yields each moment with the polls until then and what gu1 counted."""
        threads = [threading.Thread(target=self._wait, args=(number,)) for number in range(PEOPLE)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            for moment in MOMENTS:
                time.sleep(max(0.0, began + moment * SCALE - time.monotonic()))
                told = httpx.get(f"{self._ground.gu1.url}/_quick/reads", **LOCAL, timeout=_PATIENCE).json()
                yield moment, self._polls, told
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _wait(self, number: int) -> None:
        link = self._links[number]
        with httpx.Client(base_url=self._urls[number % 2], **LOCAL, timeout=_PATIENCE) as client:
            while "/session/" not in client.get(f"{link}/continue", headers=NAVIGATES).headers.get("Location", ""):
                time.sleep(0.05)
            began, path = time.monotonic(), f"{link}/status?part=status"
            while not self._over.wait(SCALE * poll_interval((time.monotonic() - began) / SCALE)):
                answer = client.get(path, headers=HTMX_HEADERS)
                assert answer.status_code in {200, 204}, answer.status_code
                with self._counting:
                    self._polls += 1
                path = POLL_URL.search(answer.text)[1].replace("&amp;", "&") if answer.status_code == 200 else path
