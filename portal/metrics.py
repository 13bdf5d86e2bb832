"""Counters, a gauge and a histogram in Prometheus' text format. Labels never hold personal data."""

from __future__ import annotations

import os
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from portal.services.problems import ProblemCount

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LABELS: dict[str, tuple[str, ...]] = {
    "started": ("country",),
    "invited": ("partner",),
    "erased": ("partner",),
    "notifications": ("partner", "outcome"),
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
    "refusals": ("kind",),
}

_HELP = {
    "started": "Onboardings started with the form",
    "invited": "Onboardings created by partners for their customers",
    "erased": "Onboardings erased by their partner",
    "notifications": "Deliveries of notifications to partners' backends, by outcome",
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
    "webhooks": "Deliveries at /webhooks/gu1",
}


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
        self._gu1 = Histogram(
            "portal_gu1_seconds",
            "Calls to gu1 by operation and outcome",
            ("operation", "outcome"),
            registry=self._registry,
        )

    def count(self, event: str, **labels: str) -> None:
        counter = self._events[event]
        (counter.labels(**labels) if labels else counter).inc()

    def gu1_call(self, operation: str, outcome: str, seconds: float) -> None:
        self._gu1.labels(operation=operation, outcome=outcome).observe(seconds)

    def set_problems(self, counts: Iterable[ProblemCount]) -> None:
        for it in counts:
            self._problems.labels(problem=it.problem, kind=it.kind, age=it.age).set(it.onboardings)

    def page(self) -> bytes:
        """Of all worker processes if they share a folder, else of this one."""
        return shared_page() if "PROMETHEUS_MULTIPROC_DIR" in os.environ else generate_latest(self._registry)


def shared_page() -> bytes:
    """Of all worker processes, which share the folder that PROMETHEUS_MULTIPROC_DIR names."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
