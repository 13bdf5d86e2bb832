"""Requests at a steady rate from many addresses, as applicants, partners' backends and gu1 send them.

Each is sent when its time has come, whether or not earlier ones are answered, and each answer is checked: its status
and what it says. A refusal that says so, 503 with Retry-After, is counted by itself.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from e2e.mock_gu1 import SIGNATURE_HEADER
from e2e.mock_gu1.envelopes import signature
from e2e.pages.forms import details, form_token, onboarding_id
from portal.domain.stage import Stage

_TIMEOUT = 20.0
_ADDRESSES = 12
"""nginx's configuration lets one address send 20 forms a minute."""
_LINKS = 80
_SHOWN = 5
_KINDS = {"form": 2, "status page": 12, "poll": 24, "partner API": 8, "webhook": 4}
"""Shares of the requests. A form is two requests, the page and the sending."""


class Wrong(Exception):
    """An answer that is not what the request asks for."""


class Later(Exception):
    """503 with Retry-After: an honest refusal."""


@dataclass
class Row:
    """What came of the requests that were sent during one phase."""

    phase: str
    promised: bool
    """That no request fails."""
    requests: int = 0
    failed: int = 0
    refused: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    why: Counter[str] = field(default_factory=Counter)

    @property
    def is_kept(self) -> bool:
        return self.requests > 0 and not self.failed and not (self.promised and self.refused)

    def as_json(self) -> dict[str, object]:
        return {**vars(self), "why": dict(self.why), "kept": self.is_kept}


class SteadyLoad:
    def __init__(
        self, url: str, trusted: ssl.SSLContext, rate: float, *, partner_key: str, webhook_secret: str
    ) -> None:
        self.partner_key = partner_key
        self.webhook_secret = webhook_secret
        self.acknowledged: list[str] = []
        """Ids of the onboardings whose form was answered with their page."""
        self.rows: list[Row] = []
        self._url = url
        self._trusted = trusted
        self._pause = 1 / rate
        self._links: deque[tuple[str, str]] = deque(maxlen=_LINKS)
        """Access link, and the id that the partner API knows it by, empty for those of the first page."""
        self._generation = 0
        self._chance = random.Random(1)
        self._numbers = itertools.count(31_000_000 + self._chance.randrange(50_000_000))
        self._row = Row("before", promised=True)
        self._over = threading.Event()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._clients: list[httpx.AsyncClient] = []
        self._send: dict[str, Callable[[httpx.AsyncClient], Awaitable[None]]] = {
            "form": self._form,
            "status page": self._page,
            "poll": self._poll,
            "partner API": self._api,
            "webhook": self._webhook,
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    @contextmanager
    def phase(self, name: str, *, promised: bool = True) -> Iterator[None]:
        """Begins once the requests of the phase before are answered, so that none of them meets this one's trouble."""
        row = Row(name, promised)
        self.rows.append(row)
        self._row = row
        print(f"{name} …", flush=True)
        self._wait_for(set(self._in_flight))
        began = time.monotonic()
        try:
            yield
        finally:
            row.seconds = time.monotonic() - began

    def forget_links(self) -> None:
        """Goes on with those that are given from now on, as when thirty days have passed; returns once it has some."""
        self._generation += 1
        self._links.clear()
        self._wait_for(set(self._in_flight))
        while not self._links:
            time.sleep(0.1)

    @staticmethod
    def _wait_for(sent: set[asyncio.Task[None]]) -> None:
        while any(not it.done() for it in sent):
            time.sleep(0.1)

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=50, max_keepalive_connections=10)
        self._clients = [
            httpx.AsyncClient(
                base_url=self._url,
                transport=httpx.AsyncHTTPTransport(
                    verify=self._trusted, limits=limits, local_address=f"127.0.0.{2 + it}"
                ),
                timeout=_TIMEOUT,
            )
            for it in range(_ADDRESSES)
        ]
        kinds = [kind for kind, share in _KINDS.items() for _ in range(share)]
        self._chance.shuffle(kinds)
        began = time.monotonic()
        for number in itertools.count():
            if self._over.is_set():
                break
            await asyncio.sleep(max(0.0, began + number * self._pause - time.monotonic()))
            kind = kinds[number % len(kinds)]
            task = asyncio.create_task(self._judged(kind, self._clients[number % _ADDRESSES], self._row))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)
        await asyncio.gather(*self._in_flight)
        for client in self._clients:
            await client.aclose()

    async def _judged(self, kind: str, client: httpx.AsyncClient, row: Row) -> None:
        began = time.monotonic()
        row.requests += 1
        try:
            await self._send[kind](client)
        except Later:
            row.refused += 1
            row.why[f"{kind}: 503"] += 1
        except (Wrong, httpx.TransportError, ValueError, KeyError) as error:
            row.failed += 1
            row.why[f"{kind}: {type(error).__name__} {error}"[:160]] += 1
        row.slowest = max(row.slowest, time.monotonic() - began)

    async def _form(self, client: httpx.AsyncClient) -> None:
        generation = self._generation
        page = _right(await client.get("/"), 200)
        token = form_token(page.text)
        if not token:
            raise Wrong("a first page without its form")
        row = self._row
        row.requests += 1
        answer = _right(await client.post("/", data=details(str(next(self._numbers)), token)), 303)
        link = answer.headers["Location"]
        if not link.startswith("/o/"):
            raise Wrong("a form that leads elsewhere")
        self.acknowledged.append(onboarding_id(link))
        self._keep(generation, link, "")

    async def _page(self, client: httpx.AsyncClient) -> None:
        if not self._links:
            await self._api(client)
            return
        link, _ = self._chance.choice(self._links)
        page = _right(await client.get(link), 200).text
        if "<html" not in page or not ('id="status"' in page or 'name="form_token"' in page):
            raise Wrong("a page without its content")

    async def _poll(self, client: httpx.AsyncClient) -> None:
        if not self._links:
            await self._api(client)
            return
        link, _ = self._chance.choice(self._links)
        if self._chance.random() < 0.5:
            told = _right(await client.get(f"{link}/status", headers={"Accept": "application/json"}), 200).json()
            Stage(told["stage"])
            return
        answer = _right(await client.get(f"{link}/status", headers={"HX-Request": "true"}), 200)
        if 'id="status"' not in answer.text and not any(it.startswith("hx-") for it in answer.headers):
            raise Wrong("a poll without news or a status")

    async def _api(self, client: httpx.AsyncClient) -> None:
        headers, known = {"Authorization": f"Bearer {self.partner_key}"}, [it for _, it in self._links if it]
        if known and self._chance.random() < 0.75:
            wanted = self._chance.choice(known)
            found = _right(await client.get(f"/api/v1/onboardings/{wanted}", headers=headers), 200).json()
            if found["id"] != wanted:
                raise Wrong("another onboarding than was asked for")
            return
        generation, body = self._generation, {"external_id": f"c-{uuid4()}"}
        made = _right(await client.post("/api/v1/onboardings", json=body, headers=headers), 201).json()
        if made["stage"] != Stage.DETAILS:
            raise Wrong(f"a new onboarding at {made['stage']}")
        self._keep(generation, made["url"].removeprefix(self._url), made["id"])

    async def _webhook(self, client: httpx.AsyncClient) -> None:
        body = json.dumps({"event": "entity.updated", "payload": {"id": str(uuid4())}}).encode()
        signed = {SIGNATURE_HEADER: signature(self.webhook_secret, body), "Content-Type": "application/json"}
        if "outcome" not in _right(await client.post("/webhooks/gu1", content=body, headers=signed), 200).json():
            raise Wrong("a webhook without its outcome")

    def _keep(self, generation: int, link: str, known_as: str) -> None:
        if generation == self._generation:
            self._links.append((link, known_as))


def _right(answer: httpx.Response, status: int) -> httpx.Response:
    if answer.status_code == 503 and "Retry-After" in answer.headers:
        raise Later
    if answer.status_code != status:
        raise Wrong(f"{answer.status_code} instead of {status}")
    return answer


def table(rows: list[Row]) -> str:
    lines = [("phase", "promised", "s", "requests", "failed", "503", "slowest")]
    lines += [
        (
            it.phase,
            "0 fail" if it.promised else "0 but 503",
            f"{it.seconds:.0f}",
            f"{it.requests:,}",
            str(it.failed),
            str(it.refused),
            f"{it.slowest * 1000:,.0f} ms",
        )
        for it in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    printed = [
        "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    whys = [f"{it.phase}: {number} × {why}" for it in rows for why, number in it.why.most_common(_SHOWN)]
    return "\n".join([*printed, *whys])
