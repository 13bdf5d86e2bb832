"""Simulated applicants: each completes the journey over HTTP, repeats lost requests and checks every answer."""

from __future__ import annotations

import asyncio
import random
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from e2e.pages.forms import NAVIGATES, details, form_token, hidden_fields

POLL = 0.2
_AGAIN = 0.2
_JSON = {"Accept": "application/json"}

REJECT = "RENAPER_TRAMITE_ID_NOT_MATCH"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an applicant will do, and the expected end."""

    name: str
    outcomes: tuple[str, ...]
    """The outcomes to choose on the hosted page, one per validation."""
    ends: str
    share: int = 0

    @property
    def charges(self) -> int:
        return len(self.outcomes)


PLANS = (
    Plan("approve", ("approve",), "approved", 60),
    Plan("retry", (REJECT, "approve"), "approved", 15),
    Plan("give up", (REJECT,), "rejected", 8),
    Plan("leave", (), "ready", 8),
    Plan("walk off", (), "waiting", 5),
    Plan("stop", (), "cancelled", 4),
)
BY_NAME = {plan.name: plan for plan in PLANS}


class Lost(Exception):
    """The applicant was acknowledged but has no way to continue."""


@dataclass
class Intent:
    plan: Plan
    document_number: str
    token: str | None = None
    link: str | None = None
    links: set[str] = field(default_factory=set)
    """More than one if the same form created two onboardings."""
    milestones: list[tuple[float, str]] = field(default_factory=list)
    stage: str = "form"
    status: str = ""
    problem: str | None = None

    def arrives(self, where: str) -> None:
        self.milestones.append((time.monotonic(), where))

    @property
    def is_acknowledged(self) -> bool:
        return self.link is not None

    @property
    def is_right(self) -> bool:
        return self.stage == self.plan.ends


class Door:
    """Sends requests to any replica, like a load balancer without health checks; some replicas may be down."""

    def __init__(self, urls: list[str], client: httpx.AsyncClient, chance: random.Random) -> None:
        self._urls = urls
        self._client = client
        self._chance = chance
        self.unreachable = 0
        self.honest = 0
        """Number of 503 answers with a way to continue."""
        self.bare: list[str] = []

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self._insists("GET", path, **options)

    async def post(self, path: str, data: dict[str, str]) -> httpx.Response:
        return await self._insists("POST", path, data=data)

    async def _insists(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Repeats the request until a replica answers; all POSTs of the portal are idempotent."""
        while True:
            try:
                answer = await self._client.request(method, self._chance.choice(self._urls) + path, **options)
            except httpx.TransportError:
                self.unreachable += 1
            else:
                if answer.status_code < 500:
                    return answer
                self._judge(method, path, answer)
            await asyncio.sleep(_AGAIN)

    def _judge(self, method: str, path: str, answer: httpx.Response) -> None:
        # A program that polls the status has the link and gets Retry-After.
        is_told = path.endswith("/status") and "Retry-After" in answer.headers
        has_way_on = is_told or 'href="/o/' in answer.text or "<form" in answer.text
        if answer.status_code == 503 and has_way_on:
            self.honest += 1
        else:
            self.bare.append(f"{method} {re.sub('/o/[^/]+', '/o/…', path)}: {answer.status_code}")


class Applicant:
    def __init__(self, intent: Intent, door: Door, client: httpx.AsyncClient) -> None:
        self.intent = intent
        self._door = door
        self._client = client

    async def goes(self) -> None:
        await self.opens_form()
        await self.sends_form()
        for number, outcome in enumerate(self.intent.plan.outcomes):
            if number:
                await self._presses("retry")
            url = await self.opens_hosted_page()
            await self._chooses(url, outcome)
            await self.sees("approved" if outcome == "approve" else "rejected")
        await self._ends()

    async def opens_form(self) -> None:
        page = await self._door.get("/")
        self.intent.token = form_token(page.text)
        if not self.intent.token:
            raise Lost("a form without a token")
        self.intent.arrives("form")

    async def sends_form(self) -> None:
        answer = await self._door.post("/", self.filled_in(self.intent.token or ""))
        if answer.status_code != 303:
            raise Lost(f"the form was answered with {answer.status_code}")
        self.intent.link = answer.headers["Location"]
        self.intent.links.add(self.intent.link)
        self.intent.arrives("acknowledged")

    def filled_in(self, token: str) -> dict[str, str]:
        return details(self.intent.document_number, token)

    async def opens_hosted_page(self) -> str:
        while True:
            await self.sees("ready", "waiting")
            answer = await self._door.get(f"{self.intent.link}/continue", headers=NAVIGATES)
            url = answer.headers.get("Location", "")
            if answer.status_code == 303 and not url.startswith("/"):
                break
            await asyncio.sleep(POLL)
        await self._at_provider("GET", url)
        self.intent.arrives("handed over")
        return url

    async def _chooses(self, url: str, outcome: str) -> None:
        await self._at_provider("POST", f"{url}/outcome", data={"outcome": outcome})
        self.intent.arrives(outcome)

    async def _at_provider(self, method: str, url: str, **options: Any) -> None:
        """The provider's pages are always up, but may be slow on a busy machine."""
        while True:
            with suppress(httpx.TransportError):
                answer = await self._client.request(method, url, **options)
                break
            await asyncio.sleep(_AGAIN)
        if answer.status_code not in {200, 303}:
            raise Lost(f"the hosted page answered {answer.status_code}")

    async def _presses(self, button: str) -> None:
        path = f"{self.intent.link}/{button}"
        page = await self._door.get(self.intent.link or "")
        fields = hidden_fields(page.text, path)
        if not fields:
            raise Lost(f"no button to {button}")
        answer = await self._door.post(path, fields)
        if answer.status_code != 303:
            raise Lost(f"{button} was answered with {answer.status_code}")
        self.intent.arrives(button)

    async def _ends(self) -> None:
        ends = self.intent.plan.ends
        if ends == "waiting":
            await self.opens_hosted_page()
        elif ends == "cancelled":
            await self.sees("ready")
            await self._presses("stop")
        await self.sees(ends)

    async def sees(self, *stages: str) -> None:
        while await self.looks() not in stages:
            await asyncio.sleep(POLL)
        self.intent.arrives(self.intent.stage)

    async def looks(self) -> str:
        answer = await self._door.get(f"{self.intent.link}/status", headers=_JSON)
        if answer.status_code != 200:
            raise Lost(f"the access link was answered with {answer.status_code}")
        told = answer.json()
        self.intent.stage, self.intent.status = told["stage"], told["status"]
        return self.intent.stage
