"""A visitor who is halfway through several onboardings when the database fails, and requests every page meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

import httpx

from e2e.bench.applicant_pool import Fault
from e2e.bench.applicants import REJECT
from e2e.mock_gu1 import SIGNATURE_HEADER
from e2e.mock_gu1.envelopes import signature
from e2e.pages.forms import NAVIGATES, details, form_token, hidden_fields, onboarding_id
from e2e.servers import WEBHOOK_SECRET, Server
from portal.web.document_numbers import rule_for
from tests.local_http import LOCAL

_PATIENCE = 30.0
_CONCURRENCY = 12
_ROUNDS = 3

READS = ("page", "fragment", "status")
WRITES = ("form", "retry", "stop", "webhook")
NOTHING = {503}
EITHER = {200, 303, 503}


class InterruptedVisitor:
    def __init__(self, portal: Server, gu1: Server, number: str) -> None:
        self.complaints: list[Fault] = []
        self.onboardings: dict[str, int] = {}
        """Onboarding id → expected charges."""
        self._portal = portal
        self._gu1 = gu1
        self._number = number
        self._client = httpx.Client(base_url=portal.url, **LOCAL, timeout=30)

    def begins(self) -> None:
        """Prepares a filled-in form, an onboarding on the hosted page, and a rejected one that may retry."""
        self._rejected = self._starts(str(int(self._number) + 1))
        self._session = self._opens_hosted_page(self._rejected)
        self.chooses(REJECT)
        self._until(self._rejected, "rejected")
        self._hosted = self._starts(str(int(self._number) + 2))
        self.onboardings = {onboarding_id(self._rejected): 1, onboarding_id(self._hosted): 1}
        self._session = self._opens_hosted_page(self._hosted)
        self._retry = self._button(self._rejected, "retry")
        self._stop = self._button(self._hosted, "stop")
        self._token = self._opens_form()

    def asks(
        self, *, reads: Collection[int], writes: Collection[int] = NOTHING, ready: Collection[int] = EITHER
    ) -> None:
        """Requests everything at once and checks the statuses; a 503 must offer a way to continue."""
        wanted = dict.fromkeys(READS, reads) | dict.fromkeys(("continue", "return"), EITHER)
        wanted |= dict.fromkeys(WRITES, writes) | {"readyz": ready, "healthz": {200}, "start": {200}}
        if 303 in writes:
            del wanted["stop"]  # it would be final
        with ThreadPoolExecutor(len(wanted)) as threads:
            answers = list(threads.map(self._ask, wanted))
        for (name, statuses), answer in zip(wanted.items(), answers, strict=True):
            self._expects(name, statuses, answer)

    def leaves(self) -> None:
        self._client.close()

    def chooses(self, outcome: str) -> None:
        """Chooses on the hosted page, which is always up."""
        url = f"{self._gu1.url}/session/{self._session}/outcome"
        assert httpx.post(url, data={"outcome": outcome}, **LOCAL).status_code == 303

    def goes_on(self) -> float:
        """After the fault everything works by itself and the repeated form creates nothing. Returns the seconds."""
        began = time.monotonic()
        self._soon("readyz", {200})
        sent = self._soon("form", {303})
        again = self._soon("form", {303})
        if sent.headers.get("Location") != again.headers.get("Location"):
            self.complaints.append(("double", "the form sent once more was another intent"))
        elif sent.status_code == 303:
            self.onboardings[onboarding_id(sent.headers["Location"])] = 0
            self._arrives(sent.headers["Location"], "ready")
        self._soon("webhook", {200})
        self._soon("retry", {303})
        self._arrives(self._rejected, "ready")
        self._arrives(self._hosted, "approved")
        took = time.monotonic() - began
        self._is_steady()
        return took

    def _is_steady(self) -> None:
        """Works every time: no broken connection may remain in a pool.

        A single 503 among many parallel requests is overload and does not count.
        """
        for _ in range(_ROUNDS):
            with ThreadPoolExecutor(_CONCURRENCY) as threads:
                answers = list(threads.map(lambda _: self._send_webhook().status_code, range(4 * _CONCURRENCY)))
            if set(answers) == {200}:
                return
        self.complaints.append(("stuck", f"webhooks are still answered with {sorted(answers)}"))

    def _ask(self, name: str) -> httpx.Response:
        get, post = self._client.get, self._client.post
        asked: dict[str, Callable[[], httpx.Response]] = {
            "start": lambda: get("/"),
            "page": lambda: get(self._hosted),
            "fragment": lambda: get(f"{self._hosted}/status?part=status"),
            "status": lambda: get(f"{self._hosted}/status", headers={"Accept": "application/json"}),
            "continue": lambda: get(f"{self._hosted}/continue", headers=NAVIGATES),
            "return": lambda: get("/return", params={"verificationSessionId": self._session}),
            "form": lambda: post("/", data=details(self._number, self._token)),
            "retry": lambda: post(f"{self._rejected}/retry", data=self._retry),
            "stop": lambda: post(f"{self._hosted}/stop", data=self._stop),
            "webhook": self._send_webhook,
            "readyz": lambda: get("/readyz"),
            "healthz": lambda: get("/healthz"),
        }
        return asked[name]()

    def _expects(self, name: str, statuses: Collection[int], answer: httpx.Response) -> None:
        if answer.status_code not in statuses:
            kind = "lost" if answer.status_code < 400 else "bare"
            self.complaints.append((kind, f"{name} was answered with {answer.status_code}"))
        elif answer.status_code == 503:
            self.complaints += [("bare", f"{name}: {what}") for what in self._missing_from(name, answer)]

    def _missing_from(self, name: str, answer: httpx.Response) -> list[str]:
        """What is missing from an honest 503."""
        if name in {"webhook", "readyz", "status"}:  # requested as JSON
            told = answer.headers["Content-Type"].startswith("application/problem+json")
            return [] if told else ["no problem document"]
        missing = [] if "Retry-After" in answer.headers else ["does not say when to come again"]
        if name == "form":
            number = rule_for("AR").grouped(self._number)
            kept = number in answer.text and "Pérez" in answer.text and form_token(answer.text) == self._token
            return missing + ([] if kept else ["what was typed is gone"])
        if name != "return" and 'href="/o/' not in answer.text:
            missing.append("no way back")
        return missing

    def _soon(self, name: str, statuses: Collection[int]) -> httpx.Response:
        deadline = time.monotonic() + _PATIENCE
        while (answer := self._ask(name)).status_code not in statuses:
            if time.monotonic() > deadline:
                self.complaints.append(("stuck", f"{name} is still answered with {answer.status_code}"))
                break
            time.sleep(0.1)
        return answer

    def _arrives(self, link: str, stage: str) -> None:
        try:
            self._until(link, stage)
        except TimeoutError as late:
            self.complaints.append(("stuck", str(late)))

    def _until(self, link: str, stage: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        seen = ""
        while seen != stage:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{link} stays at {seen}, not {stage}")
            time.sleep(0.1)
            answer = self._client.get(f"{link}/status", headers={"Accept": "application/json"})
            seen = answer.json().get("stage", "") if answer.status_code == 200 else str(answer.status_code)

    def _opens_hosted_page(self, link: str) -> str:
        self._until(link, "ready")
        url = self._client.get(f"{link}/continue", headers=NAVIGATES).headers["Location"]
        httpx.get(url, **LOCAL).raise_for_status()
        return str(url).rpartition("/")[2]

    def _starts(self, number: str) -> str:
        answer = self._client.post("/", data=details(number, self._opens_form()))
        assert answer.status_code == 303, answer.status_code
        return str(answer.headers["Location"])

    def _opens_form(self) -> str:
        token = form_token(self._client.get("/").text)
        assert token
        return token

    def _button(self, link: str, name: str) -> dict[str, str]:
        fields = hidden_fields(self._client.get(link).text, f"{link}/{name}")
        assert fields, name
        return fields

    def _send_webhook(self) -> httpx.Response:
        """A new body each time: a duplicate would not be processed."""
        payload = {"id": token_hex(8), "status": "approved"}
        body = json.dumps({"event": "kyc.validation_approved", "payload": payload}).encode()
        return self._client.post(
            "/webhooks/gu1", content=body, headers={SIGNATURE_HEADER: signature(WEBHOOK_SECRET, body)}
        )


def refused_webhooks(gu1: Server) -> tuple[int, int]:
    """Number of deliveries first answered with 503, and how many of them a retry delivered."""
    deliveries = httpx.get(f"{gu1.url}/_mock/webhooks", **LOCAL).json()["deliveries"]
    refused = [it for it in deliveries if 503 in it["answers"]]
    return len(refused), len([it for it in refused if it["state"] == "delivered"])
