"""Journeys of people whose names, numbers and addresses are looked for afterwards wherever they do not belong.

    python -m e2e.bench.planted --journeys 500 --browsers 3 --seed 1 --json FILE

The portal logs at DEBUG, and every request. gu1 has each fault of the mock in turn. Afterwards this must hold none of
what was planted: logs, metrics, the database's file and log, addresses and headers of the portal's answers, the
processes' arguments, headers of mails (`To` is the address), and of browsers the storage and each `Referer`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import string
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from playwright.sync_api import Browser, Page, Request, sync_playwright

from e2e.bench.applicants import PLANS, Applicant, Door, Intent, Lost
from e2e.bench.command import run_command
from e2e.bench.scenario import processes, tell
from e2e.bench.serving import bench_portal
from e2e.browser import CHROMIUM
from e2e.mock_gu1.inbox import Inbox, receiving
from e2e.mock_gu1.kinds import KINDS
from e2e.pages.applicant import agree
from e2e.pages.forms import details
from e2e.servers import Environment, environment
from tests.local_http import LOCAL
from tests.ports import free_port

_CONCURRENCY = 8
_PATIENCE = 60.0
_FAULT_EVERY = 0.5
_WITHOUT = {"hang", "late", "huge", "gzip_bomb"}
"""Faults that only take time or memory: `drip` and `truncate` fail alike."""
_HAS_ADDRESS = re.compile(r'(?:href|action|src|hx-get|content)="([^"]*)"')
_STORED = """async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, window.name,
    history.state, await indexedDB.databases(), await caches.keys()])"""


class Content(NamedTuple):
    lower: bytes
    without_dots: bytes


@dataclass(frozen=True)
class Person:
    number: str
    first_name: str
    last_name: str
    email: str

    def found_in(self, content: Content) -> Iterator[str]:
        """What of this person the content has. A number as it is typed or printed, not as a part of a longer one."""
        if self.number.encode() in content.without_dots:
            dotted = rf"{self.number[:2]}\.?{self.number[2:5]}\.?{self.number[5:]}"
            if re.search(rf"(?<![0-9]){dotted}(?![0-9])".encode(), content.lower):
                yield "number"
        if any(name.lower().encode() in content.lower for name in (self.first_name, self.last_name)):
            yield "name"
        if self.email.encode() in content.lower:
            yield "address"

    def fields(self, token: str) -> dict[str, str]:
        return details(self.number, token, first_name=self.first_name, last_name=self.last_name, email=self.email)


@dataclass
class Findings:
    people: list[Person] = field(default_factory=list)
    places: Counter[str] = field(default_factory=Counter)
    """How many bytes were looked through, by place."""
    hits: Counter[str] = field(default_factory=Counter)

    def look(self, place: str, content: bytes, *, but: frozenset[str] = frozenset()) -> None:
        self.places[place] += len(content)
        looked_at = Content(content.lower(), content.replace(b".", b""))
        for person in self.people:
            for what in person.found_in(looked_at):
                if what not in but:
                    self.hits[f"{what} in {place}"] += 1

    def lines(self) -> Iterator[str]:
        for place, size in sorted(self.places.items()):
            hits = sum(number for what, number in self.hits.items() if what.endswith(f" in {place}"))
            yield f"{place}: {hits} hits in {size:,} bytes"


def people_of(number: int, chance: random.Random) -> list[Person]:
    def word() -> str:
        return "Zq" + "".join(chance.choices(string.ascii_lowercase, k=10))

    numbers = chance.sample(range(31_000_000, 98_000_000), number)
    return [Person(str(it), word(), word(), f"{word().lower()}@example.com") for it in numbers]


class PlantedApplicant(Applicant):
    def __init__(self, person: Person, intent: Intent, door: Door, client: httpx.AsyncClient) -> None:
        super().__init__(intent, door, client)
        self._person = person

    def filled_in(self, token: str) -> dict[str, str]:
        return self._person.fields(token)


def run(*, journeys: int, browsers: int = 0, seed: int = 1, folder: Path) -> Findings:
    chance = random.Random(seed)
    found = Findings(people_of(journeys + browsers, chance))
    inbox, mail_port = Inbox(), free_port()
    env = {
        "PORTAL_LOG_LEVEL": "DEBUG",
        "PORTAL_ACCESS_LOG": "true",
        "PORTAL_SMTP_URL": f"smtp://127.0.0.1:{mail_port}",
        "PORTAL_MAIL_FROM": "portal@example.com",
        "TMPDIR": str(folder),
    }
    with receiving(inbox, "127.0.0.1", mail_port), environment(folder, env=env, serve=_fast) as running:
        with _faults_in_turn(running):
            asyncio.run(_walked(running, found, found.people[browsers:], chance))
        if browsers:
            _browse(running, found, found.people[:browsers])
        found.look("metrics", httpx.get(f"{running.portal.url}/metrics", **LOCAL).content)
        for pid in processes(running.portal):
            found.look("process arguments", Path(f"/proc/{pid}/cmdline").read_bytes())
            found.look("process environment", Path(f"/proc/{pid}/environ").read_bytes())
        _look_at_files(found, folder, "database while running")
    _look_at_files(found, folder, "database")
    for log in folder.glob("portal*.log"):
        found.look("logs", log.read_bytes())
    _look_at_mails(found, [mail for _, mail in inbox.newest_first()])
    return found


def _fast(folder: Path, **options: Any) -> Any:
    return bench_portal(folder, time_scale=0.1, **options)


def _look_at_files(found: Findings, folder: Path, place: str) -> None:
    for file in folder.glob("portal.db*"):
        if not file.name.endswith(".key"):
            found.look(place, file.read_bytes())


def _look_at_mails(found: Findings, mails: Iterable[EmailMessage]) -> None:
    for mail in mails:
        headers = "\n".join(f"{name}: {value}" for name, value in mail.items() if name.lower() != "to")
        found.look("headers of mails", headers.encode())


@contextmanager
def _faults_in_turn(running: Environment) -> Iterator[None]:
    """Each kind again and again, on whatever call comes next."""
    ends = threading.Event()

    def order() -> None:
        kinds = [name for name in KINDS if name not in _WITHOUT]
        while True:
            for kind in kinds:
                if ends.wait(_FAULT_EVERY):
                    return
                with suppress(httpx.HTTPError):
                    tell(running.gu1, "faults", kind=kind)

    thread = threading.Thread(target=order, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


async def _walked(running: Environment, found: Findings, people: list[Person], chance: random.Random) -> None:
    """Whoever gets stuck by a fault has left traces all the same."""

    async def note(answer: httpx.Response) -> None:
        if answer.request.url.port != httpx.URL(running.portal.url).port:
            return
        body = (await answer.aread()).decode(errors="replace")
        shown = [str(answer.request.url), *_HAS_ADDRESS.findall(body)]
        found.look("addresses", "\n".join(shown).encode())
        found.look("headers of answers", repr(answer.headers.multi_items()).encode())

    turns = asyncio.Semaphore(_CONCURRENCY)
    hooks: dict[str, list[Any]] = {"response": [note]}
    async with httpx.AsyncClient(**LOCAL, timeout=15, event_hooks=hooks) as client:
        door = Door([running.portal.url], client, chance)

        async def walk(person: Person) -> None:
            plan = chance.choices(PLANS, [plan.share for plan in PLANS])[0]
            async with turns:
                with suppress(Lost, TimeoutError):
                    async with asyncio.timeout(_PATIENCE):
                        await PlantedApplicant(person, Intent(plan, person.number), door, client).goes()

        await asyncio.gather(*map(walk, people))


def _browse(running: Environment, found: Findings, people: list[Person]) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM.path())
        try:
            for person in people:
                _browse_as(browser, running.portal.url, found, person)
        finally:
            browser.close()


def _browse_as(browser: Browser, url: str, found: Findings, person: Person) -> None:
    def note(request: Request) -> None:
        found.look("Referer", request.headers.get("referer", "").encode())
        found.look("browser's addresses", request.url.encode())

    with browser.new_context() as context:
        page = context.new_page()
        page.on("request", note)
        page.goto(url)
        _fill_in(page, person)
        page.locator("form.details button.button[type=submit]").last.click()
        if page.locator("[name=document_number]").count():  # the number is shown as the country prints it
            page.locator("form.details button.button[type=submit]").last.click()
        page.wait_for_selector("[data-stage=ready] a.button", timeout=30_000)
        found.look("browser's storage", str(page.evaluate(_STORED)).encode())
        page.locator("[data-stage=ready] a.button").first.click()
        page.wait_for_load_state()
        found.look("browser's storage", json.dumps(context.storage_state()).encode())


def _fill_in(page: Page, person: Person) -> None:
    page.locator("[name=country]").select_option("AR")
    page.locator("[name=document_number]").fill(person.number)
    page.locator("[name=first_name]").fill(person.first_name)
    page.locator("[name=last_name]").fill(person.last_name)
    page.locator("[name=email]").fill(person.email)
    agree(page)


def main() -> None:
    told = argparse.ArgumentParser(
        prog="python -m e2e.bench.planted",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    told.add_argument("--journeys", type=int, default=500, help="default: %(default)s")
    told.add_argument("--browsers", type=int, default=3, help="journeys in Chromium (default: %(default)s)")
    told.add_argument("--seed", type=int, default=1)
    told.add_argument("--json", type=Path, help="a file for the counts")
    given = told.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = run(journeys=given.journeys, browsers=given.browsers, seed=given.seed, folder=Path(folder))
    print("\n".join(found.lines()))
    print(f"{given.journeys} journeys, {given.browsers} in a browser, {time.monotonic() - began:.0f} s")
    hits = {what: number for what, number in found.hits.items() if number}
    if hits:
        print("FOUND:", hits)
    if given.json:
        given.json.write_text(json.dumps({"hits": hits, "bytes": found.places}))
    sys.exit(bool(hits))


if __name__ == "__main__":
    run_command(main)
