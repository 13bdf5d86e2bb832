"""One run: one rig, one applicant, one fault, one verdict."""

from __future__ import annotations

import logging
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from e2e.bench.matrix.catalogue import FAULTS, Case
from e2e.bench.matrix.databases import Databases
from e2e.bench.matrix.faults import Fault, Strike
from e2e.bench.matrix.findings import PATIENCE, WRONG, Findings, GivenUp
from e2e.bench.matrix.journeys import JOURNEYS, Journey
from e2e.bench.matrix.judging import Judge
from e2e.bench.matrix.person import KNOWN, POLL, Person
from e2e.bench.matrix.points import BY_NAME, Point
from e2e.in_process_rig import Rig, rig

_LATE = 4.0
"""Seconds within which a fault must strike after the person arrived."""


@dataclass(frozen=True)
class Result:
    case: Case
    findings: Findings
    has_struck: bool
    """If False, nothing was tested and the run does not count."""
    seconds: float | None
    """Seconds from the fault's end to the right page; None if not reached."""
    took: float
    log: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return self.has_struck and not self.findings.counts


class Trial:
    def __init__(self, case: Case, it: Rig, findings: Findings) -> None:
        self._fault: Fault = FAULTS[case.fault]
        self._point: Point = BY_NAME[case.point]
        self._journey: Journey = JOURNEYS[case.journey]
        self._case = case
        self._it = it
        self._findings = findings
        self.strike: Strike | None = None
        self.person = Person(it, findings, self._cue, self._lasts)
        if case.point in self._fault.presses:
            self.person.many = {case.point: self._fault.presses[case.point]}

    def run(self) -> None:
        if self._case.is_muted:
            self._it.mock.webhooks.set_faults({"lose": 1.0})
        if self._point.is_known:
            self._it.mock.state.add_entity(**KNOWN)
        if self._point.is_primed:
            self._it.mock.faults.order({"operation": "create_validation", "kind": "close", "when": "after"})
        judge = Judge(self._it, self.person, self._findings)
        try:
            self._journey.walk(self.person)
            self._outlast()
            judge.judge(self._journey)
        except GivenUp:
            with suppress(GivenUp):
                judge.hears_nothing()

    def _cue(self, name: str) -> None:
        if name == self._point.cue and self.strike is None:
            self.strike = self._fault.begin(self._it, self._point)

    def _lasts(self, stage: str) -> bool | None:
        if self.strike is None:
            return None
        was_over = self.strike.over_at
        lasts = self.strike.lasts(stage)
        if self._fault.lasts and was_over is None and self.strike.over_at is not None:
            self._was_told_and_not_charged(self.strike)
        return lasts

    def _outlast(self) -> None:
        """The fault may strike, or end, after the person has arrived."""
        started = time.monotonic()
        while self._lasts(self.person.looks()) is not False:
            time.sleep(POLL)
            has_struck = self.strike is not None and self.strike.struck_at is not None
            if time.monotonic() > started + (self._findings.patience if has_struck else _LATE):
                return

    def _was_told_and_not_charged(self, strike: Strike) -> None:
        if not strike.was_told:
            self._findings.add(WRONG, f"the page never said {strike.until_stage}, but {self.person.stages}")
        begun = self._point.name in {"create_entity", "read_entity", "create_validation", "form", "list_validations"}
        if begun and any(row["charged"] for row in self._it.ledger()):
            self._findings.add(WRONG, "charged while gu1 refused")

    @property
    def seconds(self) -> float | None:
        over_at = self.strike and self.strike.over_at
        if over_at is None:
            return None
        return min((arrival - over_at for arrival in self.person.arrivals if arrival >= over_at), default=None)


def try_out(case: Case, databases: Databases, patience: float = PATIENCE) -> Result:
    started = time.monotonic()
    findings, fault = Findings(patience), FAULTS[case.fault]
    variant = dict(BY_NAME[case.point].variant) | dict(JOURNEYS[case.journey].variant) | dict(fault.variant)
    with databases.new(case.database) as (folder, url):
        options = {"database_url": url, "is_migrated": True, "is_proxied": fault.is_proxied, "hurries": True}
        with rig(folder, **options, **variant) as it:
            trial = Trial(case, it, findings)
            trial.run()
            strike, seconds, onboarding_id = trial.strike, trial.seconds, trial.person.onboarding_id
    log = tuple(line for line in tuple(_LOG.lines) if onboarding_id and onboarding_id in line)
    has_struck = strike is not None and strike.struck_at is not None
    return Result(case, findings, has_struck, seconds, time.monotonic() - started, log if findings.counts else ())


class _Log(logging.Handler):
    """The latest log lines of all rigs of this process."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: deque[str] = deque(maxlen=5000)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.created % 1000:.3f} {record.getMessage()}")


_LOG = _Log()


def keep_log() -> None:
    """Keeps the log in memory instead of writing it to the terminal."""
    logging.getLogger().handlers[:] = [_LOG]
