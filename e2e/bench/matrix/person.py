"""An applicant who uses real pages, retries if a page asks for it, and checks every answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from e2e.bench.matrix.browser import Answer, Browser
from e2e.bench.matrix.findings import LOST, STUCK, WRONG, Findings
from e2e.in_process_rig import Rig
from e2e.judge import kept
from e2e.pages.forms import NAVIGATES
from portal.domain.errors import StoreUnavailable
from portal.services.operator_actions import OperatorActions

POLL = 0.05
MOST_PATIENCES = 4
"""Maximum seconds of one wait, however long the fault lasts."""
FINAL = {"approved", "rejected", "expired", "cancelled", "closed"}
_JSON = {"Accept": "application/json"}
_APPLICANT = {
    "country": "AR",
    "document_number": "31.222.333",
    "shown_number": "31.222.333",
    "first_name": "Ana María",
    "last_name": "Pérez",
    "consent": "y",
}
CARD_NUMBER = "30.111.223"
"""The number that the mock's outcome `approve-mistyped` reads from the document."""
KNOWN = {
    "type": "person",
    "name": "PEREZ ANA MARIA",
    "tax_id": _APPLICANT["document_number"],
    "country": "AR",
    "external_id": None,
    "nationality": None,
    "status": "active",
    "entity_data": {},
    "attributes": {},
}
"""The applicant's entity at gu1, as another system of the operator made it."""
_OVER = ("This session is over", "There is no such")


class Person:
    def __init__(
        self, it: Rig, findings: Findings, cue: Callable[[str], None], lasts: Callable[[str], bool | None]
    ) -> None:
        """`cue` is told what the person is about to do.

        `lasts` is told the stage that the person sees, and says whether the fault goes on: None before it has struck.
        """
        self._it = it
        self._findings = findings
        self._browser = Browser(it.portal, findings)
        self._cue = cue
        self._lasts = lasts
        self.many: dict[str, tuple[int, bool]] = {}
        """Button → how often it is pressed, and whether all presses are simultaneous."""
        self.stages: list[str] = []
        self.arrivals: list[float] = []
        self.sessions: set[str] = set()
        self.path = ""
        self.onboarding_id = ""

    def sends_form(self) -> None:
        fields = self._browser.get("/").form | _APPLICANT
        self._cue("form")
        answers = self._pressed("form", lambda: self._browser.post("/", fields))
        places = {answer.location for answer in answers}
        if len(places) != 1 or not answers[0].location.startswith("/o/"):
            raise self._findings.give_up(LOST, f"the form led to {places}, HTTP {answers[0].status}")
        self.path = answers[0].location.split("?")[0]
        links = self._it.portal.extensions["portal"].access_links
        self.onboarding_id = links.onboarding_id(self.path.removeprefix("/o/"))
        self._cue("status")

    def waits_for(self, *stages: str) -> None:
        patience = self._patience()
        while (stage := self.looks()) not in stages:
            if stage in FINAL - set(stages):
                raise self._findings.give_up(WRONG, f"{stage} instead of {'/'.join(stages)}, after {self.stages}")
            if stage == "details":
                self._corrects_form()
            if patience.is_over(stage):
                raise self._findings.give_up(STUCK, f"no {'/'.join(stages)} in time, after {self.stages}")
            time.sleep(POLL)
        self._lasts(stage)
        self.arrivals.append(time.monotonic())

    def looks(self) -> str:
        """The stage as the page's polling sees it; empty if there is no answer."""
        answer = self._browser.get(f"{self.path}/status", headers=_JSON)
        if answer.status in {404, 410}:
            raise self._findings.give_up(LOST, f"HTTP {answer.status} for an onboarding that was acknowledged")
        stage = str((answer.json or {}).get("stage", ""))
        if stage and stage != (self.stages or [""])[-1]:
            self.stages.append(stage)
        return stage

    def sees(self, stage: str) -> None:
        """On the page itself."""
        shown = self._until(lambda: self._browser.get(self.path), lambda answer: answer.status == 200)
        if shown.stage != stage:
            self._findings.add(WRONG, f"the page shows {shown.stage} and not {stage}")

    def opens(self) -> str:
        """Opens the hosted page through the portal; returns its provider session."""
        self._cue("continue")

        def leads_out(answer: Answer) -> bool:
            return answer.status == 303 and "/session/" in answer.location

        def go() -> Answer:
            return self._browser.get(f"{self.path}/continue", headers=NAVIGATES)

        answers = self._pressed("continue", go, leads_out)
        session = urlsplit(answers[0].location).path.rpartition("/")[2]
        self.sessions.add(session)
        self._is_adopted(session)
        self._it.client.get(f"{self._it.mock_url}/session/{session}")
        return session

    def chooses(self, outcome: str, session: str) -> None:
        self._cue("choose")
        url = f"{self._it.mock_url}/session/{session}/outcome"
        answer = self._it.client.post(url, data={"outcome": outcome})
        if any(words in answer.text for words in _OVER):
            raise self._findings.give_up(LOST, f"the hosted page says: {answer.text[:300]}")
        self._cue("chosen")
        self._browser.get(f"/return?verificationSessionId={session}&status=Approved")

    def presses(self, action: str) -> None:
        self._cue(action)
        page = self._until(lambda: self._browser.get(self.path), lambda answer: "form_token" in answer.form)
        fields = page.form
        self._pressed(action, lambda: self._browser.post(f"{self.path}/{action}", fields))

    def corrects_number(self) -> None:
        """Gives the number of the document once more."""
        page_url = f"{self.path}/number"
        page = self._until(lambda: self._browser.get(page_url), lambda answer: "document_number" in answer.form)
        fields = page.form | {"document_number": CARD_NUMBER, "shown_number": CARD_NUMBER}
        self._pressed("number", lambda: self._browser.post(page_url, fields))

    def has_no_button(self, action: str) -> None:
        """On the page itself."""
        page = self._until(lambda: self._browser.get(self.path), lambda answer: answer.status == 200)
        if f"{self.path}/{action}" in page.html:
            self._findings.add(WRONG, f"the page offers to {action}")

    def has_cost(self, validations: int) -> None:
        """gu1 has exactly this many validations of the person, and charged all."""
        charged = [bool(row["charged"]) for row in self._it.ledger()]
        if charged != [True] * validations:
            self._findings.add(WRONG, f"{validations} validations, all charged, were expected, not {charged}")

    def is_about_to(self, action: str) -> None:
        self._cue(action)

    def decides(self, outcome: str, *, attempt: int | None = None) -> None:
        """A reviewer at the provider decides about the current attempt, or about an earlier one."""
        sent = [row for row in reversed(self._it.ledger()) if row["id"] in kept(self._it.database_url)]
        decided = sent[-1] if attempt is None else sent[attempt - 1]
        self._it.tell(f"validations/{decided['id']}/outcome", outcome=outcome)

    def loses_entity(self) -> None:
        """Somebody deletes it at gu1."""
        self._it.tell(f"entities/{self._it.onboarding(self.onboarding_id).entity_id}/delete")

    def asks_operator(self, act: Callable[[OperatorActions, str], object]) -> None:
        act(self._it.portal.extensions["portal"].operator_actions, self.onboarding_id)

    def hangs_on(self, seconds: float = 8.0) -> None:
        """Waits until the fault has struck."""
        deadline = time.monotonic() + seconds
        while self._lasts("") is None and time.monotonic() < deadline:
            self.looks()
            time.sleep(POLL)

    def _corrects_form(self) -> None:
        page = self._browser.get(self.path)
        if "document_number" in page.form:
            self._browser.post(self.path, page.form | _APPLICANT)

    def _is_adopted(self, session: str) -> None:
        """The person must only be sent to the adopted validation."""
        shown = next((row["id"] for row in self._it.ledger() if row["session"] == session), None)
        for _ in range(100):
            try:
                validation = self._it.onboarding(self.onboarding_id).validation
            except StoreUnavailable:
                time.sleep(POLL)
                continue
            if shown is None or validation is None or validation.gu1_id != shown:
                self._findings.add(WRONG, f"sent to the hosted page of {shown}, which is not the adopted one")
            return

    def _pressed(
        self, name: str, press: Callable[[], Answer], worked: Callable[[Answer], bool] = lambda it: it.status == 303
    ) -> list[Answer]:
        """Repeats while the page asks for it; returns all successful answers if it is pressed several times."""
        times, at_once = self.many.get(name, (1, False))

        def until() -> Answer:
            return self._until(press, worked)

        if not at_once:
            return [until() for _ in range(times)]
        with ThreadPoolExecutor(times) as many:
            return [waiting.result() for waiting in [many.submit(until) for _ in range(times)]]

    def _until(self, ask: Callable[[], Answer], is_right: Callable[[Answer], bool]) -> Answer:
        patience = self._patience()
        while not is_right(answer := ask()):
            if answer.status not in {200, 303, 503}:
                raise self._findings.give_up(LOST, f"HTTP {answer.status} for {answer.asked}: {answer.html[:300]}")
            if patience.is_over(""):
                raise self._findings.give_up(STUCK, f"still HTTP {answer.status} for {answer.asked}")
            time.sleep(POLL)
        return answer

    def _patience(self) -> Patience:
        return Patience(self._findings.patience, self._lasts)


class Patience:
    """Starts again while the fault lasts."""

    def __init__(self, seconds: float, lasts: Callable[[str], bool | None]) -> None:
        self._seconds = seconds
        self._lasts = lasts
        self._started = self._since = time.monotonic()

    def is_over(self, stage: str) -> bool:
        now = time.monotonic()
        if self._lasts(stage):
            self._since = now
        return now - self._since > self._seconds or now - self._started > MOST_PATIENCES * self._seconds


Act = Callable[[Person], None]
