"""Compares gu1's ledger with the portal's database at the end, and again after old webhooks were repeated."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from e2e.bench.matrix.faults_webhooks import respelt, signed
from e2e.bench.matrix.findings import DOUBLE, LOST, STUCK, WRONG, Findings
from e2e.bench.matrix.journeys import Journey
from e2e.bench.matrix.person import FINAL, POLL, Person
from e2e.in_process_rig import Rig
from e2e.judge import is_awaiting, kept

_AFTERSHOCK = 0.3
"""Seconds for the runner to do something wrong after old webhooks."""


class Judge:
    def __init__(self, it: Rig, person: Person, findings: Findings) -> None:
        self._it = it
        self._person = person
        self._findings = findings

    def judge(self, journey: Journey) -> None:
        """After the person arrived and gu1 has answered every open request."""
        self._comes_true(lambda: not is_awaiting(self._it.database_url))
        self._leftovers(journey)
        if not journey.overrules_gu1:
            self._agreement()
        self._charges()
        self._exposure()
        before = self._state()
        self._repeat_old_news()
        time.sleep(_AFTERSHOCK)
        if self._state() != before:
            self._findings.add(WRONG, f"old news changed {before} into {self._state()}")
        self._person.sees(journey.ends)
        self._charges()

    def hears_nothing(self) -> None:
        """The checks that apply even if the person did not arrive."""
        self._charges()
        self._exposure()

    def _agreement(self) -> None:
        """Every adopted validation has gu1's status."""

        def differing() -> dict[str, tuple[str, str | None]]:
            theirs = {row["id"]: row["status"] for row in self._it.ledger()}
            ours = kept(self._it.database_url)
            return {gu1_id: (ours[gu1_id], theirs.get(gu1_id)) for gu1_id in ours if ours[gu1_id] != theirs.get(gu1_id)}

        if not self._comes_true(lambda: not differing()):
            self._findings.add(WRONG, f"portal and gu1 disagree: {differing()}")

    def _leftovers(self, journey: Journey) -> None:
        """No validation stays open at gu1."""

        def is_left(row: dict[str, Any]) -> bool:
            return row["status"] not in FINAL

        if not self._comes_true(lambda: not any(is_left(row) for row in self._it.ledger())):
            left = [row["id"] for row in self._it.ledger() if is_left(row)]
            adopted = kept(self._it.database_url)
            orphans = [gu1_id for gu1_id in left if gu1_id not in adopted]
            self._findings.add(STUCK, f"open at gu1 in the end: {len(orphans)} unadopted, {len(left)} in all")
        if journey.ends != "cancelled" and not self._it.ledger():
            self._findings.add(LOST, "gu1 never heard of it")

    def _charges(self) -> None:
        charged = [row for row in self._it.ledger() if row["charged"]]
        adopted = kept(self._it.database_url)
        for nonce, times in Counter(row["nonce"] for row in charged if row["nonce"]).items():
            if times > 1:
                self._findings.add(DOUBLE, f"charged {times} times for {nonce}")
        for row in charged:
            if row["id"] not in adopted:
                self._findings.add(DOUBLE, f"charged for {row['id']}, which was not adopted")

    def _exposure(self) -> None:
        adopted = kept(self._it.database_url)
        for row in self._it.ledger():
            if row["opened"] and row["id"] not in adopted:
                self._findings.add(WRONG, f"{row['id']} was opened and is not adopted")

    def _repeat_old_news(self) -> None:
        """Repeats all webhooks newest first and oldest first, once in other bytes and once unchanged."""
        webhooks = self._it.mock.webhooks
        webhooks.release("reversed")
        bodies = [delivery["body"].encode() for delivery in webhooks.deliveries()]
        for body in (*reversed(bodies), *bodies):
            again = respelt(body)
            self._it.deliver("", again, signed(again))
            self._it.deliver("", body, signed(body))

    def _state(self) -> tuple[str, dict[str, str]]:
        return self._person.looks(), kept(self._it.database_url)

    def _comes_true(self, condition: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + self._findings.patience
        while not (is_true := condition()) and time.monotonic() < deadline:
            time.sleep(POLL)
        return is_true
