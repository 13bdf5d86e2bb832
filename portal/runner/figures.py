"""Shows in the metrics what can only be looked up: the queue in the database, and this process itself."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from portal.metrics import Metrics
from portal.services.gu1_port import Gu1
from portal.services.webhook_trust import NoWebhookTrust
from portal.store.onboarding_search import OnboardingSearch
from portal.store.overview import OverviewReader, Waiting

_NOTHING = Waiting(0, None)
_PROC = Path("/proc/self")


class QueueFigures:
    """Of the whole database; every process shows the same."""

    def __init__(
        self,
        metrics: Metrics,
        search: OnboardingSearch,
        overview: OverviewReader,
        *,
        partners: Iterable[str],
        hourly_budget: int | None,
    ) -> None:
        self._metrics = metrics
        self._search = search
        self._overview = overview
        self._partners = set(partners)
        self._hourly_budget = hourly_budget

    def show(self, now: datetime) -> None:
        """Raises `StoreUnavailable`."""
        self._metrics.set_problems(self._search.count_problems(now))
        found, show = self._overview.read_queue(now), self._metrics.show
        show("due_onboardings", found.due)
        show("oldest_due_seconds", _age(found.oldest_due_at, now))
        show("running_onboardings", found.running)
        budget = self._hourly_budget
        show("gu1_reads_left", float("inf") if budget is None else max(0, budget - found.reads_this_hour))
        # Also those without any, so that no figure of before stays.
        self._partners |= found.waiting.keys()
        for partner in self._partners:
            waiting = found.waiting.get(partner, _NOTHING)
            show("undelivered_notifications", waiting.number, partner=partner)
            show("oldest_undelivered_seconds", _age(waiting.oldest_at, now), partner=partner)


class ProcessFigures:
    def __init__(
        self,
        metrics: Metrics,
        engine: Engine,
        gu1: Gu1,
        webhook_trust: NoWebhookTrust,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._metrics = metrics
        self._engine = engine
        self._gu1 = gu1
        self._webhook_trust = webhook_trust
        metrics.show("build_info", 1, version=_release(), python=platform.python_version())
        metrics.show("process_start_timestamp_seconds", clock())

    def show(self, _now: datetime) -> None:
        show, pool, times = self._metrics.show, self._engine.pool, os.times()
        show("gu1_breakers_open", int(self._gu1.is_failing))
        show("gu1_calls_allowed", self._gu1.calls_allowed)
        show("webhooks_trusted", int(self._webhook_trust.holds()))
        show("process_cpu_seconds", times.user + times.system)
        if isinstance(pool, QueuePool):
            show("database_connections", pool.checkedout(), state="in_use")
            show("database_connections", pool.checkedin(), state="idle")
        if _PROC.is_dir():
            pages = int((_PROC / "statm").read_text().split()[1])
            show("process_resident_bytes", pages * os.sysconf("SC_PAGE_SIZE"))
            show("process_open_files", sum(1 for _ in (_PROC / "fd").iterdir()))
        self._metrics.flush()


@cache
def _release() -> str:
    return version("kyc-onboarding-portal")


def _age(then: datetime | None, now: datetime) -> float:
    """0 for none."""
    return max(0.0, (now - then).total_seconds()) if then else 0.0
