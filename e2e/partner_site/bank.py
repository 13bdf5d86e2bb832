"""What a partner does: starts onboardings, receives results and notifications, and reads the status from the API."""

from __future__ import annotations

import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from e2e.partner_site.signatures import NotBelieved, check_notification, read_result


@dataclass
class Customer:
    locale: str
    applicant: Mapping[str, str]
    """Known details of the person; with them the portal asks for consent only."""
    capture: str | None
    """How the provider's page opens; None uses the registry's setting."""
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    onboarding_id: str | None = None


class Bank:
    def __init__(
        self,
        *,
        url: str,
        portal: httpx.Client,
        signing_secrets: Sequence[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`url`: where browsers reach the bank. `portal`: a client that sends the API key."""
        self.customers: dict[str, Customer] = {}
        self.log: deque[tuple[str, str]] = deque(maxlen=50)
        """Newest first: event and onboarding."""
        self._url = url
        self._portal = portal
        self._secrets = signing_secrets
        self._clock = clock
        self._on_their_way: dict[str, Customer] = {}
        """State → customer; each customer must bring the state back."""
        self._heard: set[str] = set()

    def new_customer(
        self, *, locale: str, applicant: Mapping[str, str] | None = None, capture: str | None = None
    ) -> Customer:
        customer = Customer(locale, applicant or {}, capture)
        self.customers[customer.id] = self._on_their_way[customer.state] = customer
        return customer

    def onboarding_of(self, customer: Customer) -> dict[str, Any]:
        """Created by the first call; the idempotency key makes later calls return the same one."""
        wish: dict[str, Any] = {
            "external_id": customer.id,
            "return_url": f"{self._url}/done?lang={customer.locale[:2]}",
            "state": customer.state,
            "locale": customer.locale,
        }
        wish |= {"applicant": customer.applicant} if customer.applicant else {}
        wish |= {"capture": customer.capture} if customer.capture else {}
        headers = {"Idempotency-Key": customer.id}
        answer = self._portal.post("/api/v1/onboardings", json=wish, headers=headers).raise_for_status()
        onboarding: dict[str, Any] = answer.json()
        customer.onboarding_id = onboarding["id"]
        self.note(f"POST /api/v1/onboardings: {answer.status_code}", onboarding["id"], onboarding["status"])
        return onboarding

    def truth_of(self, customer: Customer) -> dict[str, Any]:
        """Always asks the API, whatever page or message led here."""
        answer = self._portal.get(f"/api/v1/onboardings/{customer.onboarding_id}").raise_for_status()
        found: dict[str, Any] = answer.json()
        self.note(f"GET /api/v1/onboardings/…: {answer.status_code}", found["id"], found["status"])
        return found

    def take_result(self, query: bytes) -> Customer:
        """Checks the query that the customer came back with; anybody can forge one. Raises `NotBelieved`."""
        result = read_result(query, self._secrets, now=self._clock())
        customer = self._on_their_way.get(result.get("state", ""))
        if customer is None or customer.onboarding_id != result["onboarding_id"]:
            raise NotBelieved("no customer with this state is expected: the result was used before or not requested")
        del self._on_their_way[result["state"]]
        self.note("GET /done", result["onboarding_id"], result["status"])
        return customer

    def hear(self, headers: Mapping[str, str], body: bytes) -> None:
        """Handles a notification; duplicates are ignored. Raises `NotBelieved`."""
        check_notification(headers, body, self._secrets, now=self._clock())
        if headers["webhook-id"] in self._heard:
            return
        told = json.loads(body)
        self._heard.add(headers["webhook-id"])
        self.note(f"POST /hooks: {told['type']}", told["data"]["id"], told["data"]["status"])

    def note(self, what: str, *words: str) -> None:
        self.log.appendleft((what, " ".join(words)))
