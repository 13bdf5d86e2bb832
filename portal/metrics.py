"""Counters and timings for the operator, in Prometheus' text format. No label ever holds personal data."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LABELS: dict[str, tuple[str, ...]] = {
    "started": ("country",),
    "invited": ("partner",),
    "erased": ("partner",),
    "told": ("partner", "outcome"),
    "handed_over": (),
    "moved": ("status", "reason"),
    "refused_move": ("old", "new"),
    "retried": (),
    "stopped": (),
    "reconciled": ("outcome",),
    "outcome_unknown": (),
    "guessed": (),
    "twins_cancelled": (),
    "put_off": ("step", "trouble"),
    "session_url_refused": (),
    "identity_mismatch": (),
    "no_hosted_page": (),
    "unconfirmed": (),
    "synced": (),
    "budget_spent": ("watched",),
    "webhooks": ("outcome",),
}

_HELP = {
    "started": "Onboardings whose form was sent",
    "invited": "Onboardings that partners began for their customers",
    "erased": "Onboardings whose person was erased on the partner's word",
    "told": "Notifications sent to partners' backends, by what came of them",
    "handed_over": "Validations whose hosted page was opened for the first time",
    "moved": "Validations that came to a status",
    "refused_move": "News from gu1 that would have undone a final status",
    "retried": "Further validations that applicants opened",
    "stopped": "Onboardings that their applicants stopped",
    "reconciled": "Lost answers of gu1 that were looked into",
    "outcome_unknown": "Requests for a validation without a readable answer",
    "guessed": "Validations adopted by entity and time alone, since gu1 showed no metadata",
    "twins_cancelled": "Validations cancelled at gu1 that came into being beside the adopted one",
    "put_off": "Steps of the engine that will be tried again",
    "session_url_refused": "Hosted pages outside GU1_PROVIDER_HOSTS",
    "identity_mismatch": "Approvals held because another document was verified than the one typed",
    "no_hosted_page": "Looks at validations that gu1 gave no hosted page",
    "unconfirmed": "Looks at approvals that RENAPER has not confirmed for a day",
    "synced": "Times that gu1 was made to ask its provider",
    "budget_spent": "Looks at gu1 put off because GU1_HOURLY_BUDGET is used up",
    "webhooks": "Deliveries at /webhooks/gu1",
}


class Metrics:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._events = {
            event: Counter(f"portal_{event}", _HELP[event], labels, registry=self._registry)
            for event, labels in _LABELS.items()
        }
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

    def page(self) -> bytes:
        """Of all worker processes where they share a folder, else of this one."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
