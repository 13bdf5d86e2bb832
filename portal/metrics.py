"""Counters, gauges and histograms in Prometheus' text format. Labels never hold personal data."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter as Counts
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from portal.services.problems import ProblemCount

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LABELS: dict[str, tuple[str, ...]] = {
    "started": ("country",),
    "invited": ("partner",),
    "erased": ("partner",),
    "erasures_asked": (),
    "notifications": ("partner", "outcome"),
    "mails": ("kind", "outcome"),
    "mails_stopped": (),
    "hosted_pages_opened": (),
    "status_changes": ("status", "reason"),
    "refused_status_changes": ("old", "new"),
    "retried": (),
    "held_back": (),
    "reverifications_due": ("partner",),
    "restarts": ("outcome",),
    "stopped": (),
    "reconciled": ("outcome",),
    "outcome_unknown": (),
    "adopted_without_metadata": (),
    "duplicates_cancelled": (),
    "overturned": ("old", "new"),
    "entity_conflicts": ("kind",),
    "entities_lost": ("code",),
    "corrections": ("outcome",),
    "step_retries": ("step", "reason"),
    "session_url_refused": (),
    "identity_mismatch": (),
    "identity_unknown": (),
    "registry_outages": (),
    "no_hosted_page": (),
    "unconfirmed": (),
    "double_check_not_taken_up": (),
    "approved_unconfirmed": (),
    "synced": (),
    "budget_spent": ("watched",),
    "webhooks": ("outcome",),
    "webhooks_missed": (),
    "refusals": ("kind",),
    "request_limit_failures": (),
    "stage_changes": ("stage", "reason", "partner", "locale"),
    "unreadable_rows": ("table",),
    "database_errors": ("kind",),
}

_HELP = {
    "started": "Onboardings started with the form",
    "invited": "Onboardings created by partners for their customers",
    "erased": "Onboardings erased by their partner",
    "erasures_asked": "Requests of applicants without a partner to erase their data",
    "notifications": "Deliveries of notifications to partners' backends, by outcome",
    "mails": "Tries to send mails to applicants, by outcome",
    "mails_stopped": "Addresses that wanted no more mails, or take none",
    "hosted_pages_opened": "Validations whose hosted page was opened for the first time",
    "status_changes": "Validations that reached a status",
    "refused_status_changes": "Observations that would have reversed a final status",
    "retried": "Further validations opened by applicants",
    "held_back": "Onboardings whose person has no attempts left for now",
    "reverifications_due": "Approved customers who have to verify again",
    "restarts": "Abandoned validations that applicants asked to replace",
    "stopped": "Onboardings stopped by their applicant",
    "reconciled": "Lost answers of gu1 that were looked into",
    "outcome_unknown": "Requests for a validation without a readable answer",
    "adopted_without_metadata": "Validations adopted by entity and time alone, because gu1 showed no metadata",
    "duplicates_cancelled": "Duplicate validations cancelled at gu1",
    "overturned": "Final statuses that gu1 changed afterwards",
    "entity_conflicts": "Details refused because gu1 has another person's entity for their number",
    "entities_lost": "Entities that gu1 had no more or refused to verify, so that the details were asked for again",
    "corrections": "Document numbers given once more because the verified document has another one, by outcome",
    "step_retries": "Steps of the runner that failed and will be retried",
    "session_url_refused": "Hosted pages outside GU1_PROVIDER_HOSTS",
    "identity_mismatch": "Approvals held because the verified document has another number or name than was given",
    "identity_unknown": "Approvals held because the document could not be compared, which the partner requires",
    "registry_outages": "Validations that gu1 rejected because the registry did not answer",
    "no_hosted_page": "Refreshes of validations that have no hosted page",
    "unconfirmed": "Refreshes of approvals that RENAPER has not confirmed for a day or within GU1_RENAPER_PATIENCE",
    "double_check_not_taken_up": "Validations whose double check by RENAPER gu1 did not take up",
    "approved_unconfirmed": "Approvals given because RENAPER did not answer within GU1_RENAPER_PATIENCE",
    "synced": "Times gu1 was made to ask its provider",
    "budget_spent": "Refreshes delayed because GU1_HOURLY_BUDGET is used up",
    "refusals": "Requests that were refused, by kind",
    "request_limit_failures": "Times that the storage of request limits did not answer, so that nothing was limited",
    "webhooks": "Deliveries at /webhooks/gu1",
    "webhooks_missed": "Changes that a refresh found and no webhook had told, while webhooks were trusted",
    "stage_changes": "Onboardings that came to a stage",
    "unreadable_rows": "Rows that a worker took and could not read",
    "database_errors": "Failures of the database, by SQLSTATE, SQLite's name of the error, or pool",
}


class _Histogram(NamedTuple):
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]


_DAY = 86400
_HISTOGRAMS = {
    "gu1_seconds": _Histogram(
        "Calls to gu1 by operation and outcome", ("operation", "outcome"), Histogram.DEFAULT_BUCKETS
    ),
    "http_seconds": _Histogram(
        "Requests by route, method and status", ("route", "method", "status"), (0.005, 0.025, 0.1, 0.5, 2, 10)
    ),
    "step_seconds": _Histogram("Steps of the runner", ("step", "outcome"), (0.05, 0.2, 0.5, 1, 2, 5, 15)),
    "stage_seconds": _Histogram(
        "How long onboardings were in a stage that they left",
        ("stage",),
        (1, 3, 10, 30, 60, 120, 300, 900, 3600, 6 * 3600, _DAY, 7 * _DAY),
    ),
}


class _Gauge(NamedTuple):
    help: str
    labels: tuple[str, ...] = ()
    mode: Literal["mostrecent", "max", "livesum", "liveall"] = "mostrecent"
    """How the processes' values become one; `liveall`: each has its own, with its pid."""


_GAUGES = {
    "due_onboardings": _Gauge("Onboardings whose next step is due and not taken up"),
    "oldest_due_seconds": _Gauge("For how long the first of them has been due"),
    "running_onboardings": _Gauge("Onboardings that a worker has taken up"),
    "undelivered_notifications": _Gauge("Notifications that a partner has not accepted yet", ("partner",)),
    "oldest_undelivered_seconds": _Gauge("The age of the oldest of them", ("partner",)),
    "gu1_reads_left": _Gauge("What is left of GU1_HOURLY_BUDGET in this hour"),
    "gu1_breakers_open": _Gauge("Processes that send nothing to gu1 for a while, because it fails", mode="livesum"),
    "gu1_calls_allowed": _Gauge("Calls to gu1 that may run at once", mode="livesum"),
    "webhooks_trusted": _Gauge("1 while refreshes are rare because gu1's webhooks tell all, else 0"),
    "database_connections": _Gauge("Connections of the pools, by state", ("state",), mode="livesum"),
    "housekeeping_success_timestamp_seconds": _Gauge("When expired data was last deleted to the end", mode="max"),
    "build_info": _Gauge("Always 1", ("version", "python")),
    "process_resident_bytes": _Gauge("Memory of a process", mode="liveall"),
    "process_cpu_seconds": _Gauge("Processor time that a process has used", mode="liveall"),
    "process_open_files": _Gauge("Files and connections that a process has open", mode="liveall"),
    "process_start_timestamp_seconds": _Gauge("When a process began", mode="liveall"),
}


MOST_UNWRITTEN = 64
"""Durations of one kind that other processes may not see yet, for ten seconds at most."""


class _BatchedHistogram(Histogram):
    """Takes a batch at once, because each write to the file that processes share costs a tenth of a poll."""

    def _metric_init(self) -> None:
        super()._metric_init()
        self._batch: deque[float] = deque()

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        self._batch.append(amount)
        if len(self._batch) >= MOST_UNWRITTEN:
            self.flush()

    def flush(self) -> None:
        total, counts = 0.0, Counts[int]()
        with suppress(IndexError):  # another thread may take the last one
            while self._batch:
                amount = self._batch.popleft()
                total += amount
                counts[bisect_left(self._upper_bounds, amount)] += 1
        if counts:
            self._sum.inc(total)
        for bucket, count in counts.items():
            self._buckets[bucket].inc(count)


class Metrics:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._events = {
            event: Counter(f"portal_{event}", _HELP[event], labels, registry=self._registry)
            for event, labels in _LABELS.items()
        }
        self._problems = Gauge(
            "portal_problem_onboardings",
            "Onboardings that somebody should look at, by problem, kind and age",
            ("problem", "kind", "age"),
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self._durations = {
            name: _BatchedHistogram(f"portal_{name}", it.help, it.labels, buckets=it.buckets, registry=self._registry)
            for name, it in _HISTOGRAMS.items()
        }
        self._gauges = {
            name: Gauge(f"portal_{name}", it.help, it.labels, registry=self._registry, multiprocess_mode=it.mode)
            for name, it in _GAUGES.items()
        }
        self._observers: dict[tuple[str, ...], _BatchedHistogram] = {}

    def count(self, event: str, **labels: str) -> None:
        counter = self._events[event]
        (counter.labels(**labels) if labels else counter).inc()

    def observe(self, event: str, seconds: float, **labels: str) -> None:
        key = (event, *labels.values())
        child = self._observers.get(key)
        if child is None:
            # Kept, because looking it up by its labels takes longer than counting.
            child = self._observers[key] = self._durations[event].labels(**labels)
        child.observe(seconds)

    def flush(self) -> None:
        """Shows other processes all that was observed, for their `page`."""
        for child in list(self._observers.values()):
            child.flush()

    def gu1_call(self, operation: str, outcome: str, seconds: float) -> None:
        self.observe("gu1_seconds", seconds, operation=operation, outcome=outcome)

    def show(self, name: str, value: float, **labels: str) -> None:
        """Sets a gauge."""
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def set_problems(self, counts: Iterable[ProblemCount]) -> None:
        for it in counts:
            self._problems.labels(problem=it.problem, kind=it.kind, age=it.age).set(it.onboardings)

    def page(self) -> bytes:
        """Of all worker processes if they share a folder, else of this one."""
        self.flush()
        return shared_page() if "PROMETHEUS_MULTIPROC_DIR" in os.environ else generate_latest(self._registry)


def shared_page() -> bytes:
    """Of all worker processes, which share the folder that PROMETHEUS_MULTIPROC_DIR names."""
    _forget_ended(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_ended(folder: Path) -> None:
    """The gauges of processes that a reload replaced, or that died. What they counted stays."""
    for file in folder.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, PermissionError):  # another user's process may have this number now
            file.unlink(missing_ok=True)
