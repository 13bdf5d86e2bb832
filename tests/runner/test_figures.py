"""What the metrics show of the queue and of the process."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from portal.app import runner_of
from portal.domain.errors import StoreUnavailable
from portal.domain.status import Status
from portal.services.webhook_handler import VerifiedWebhook
from portal.store.shared_state import SharedState
from tests.factories import NOW
from tests.store.outbox import add_events, notifying_store

KINDS = {"sqlite": "SQLITE_ERROR", "postgresql": "42P01"}


@pytest.fixture
def shown(app):
    def shown(name, **labels):
        told = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        page = app.extensions["portal"].metrics.page().decode()
        found = re.search(rf"^portal_{name}{re.escape('{' + told + '}') if told else ''} (\S+)$", page, re.MULTILINE)
        return float(found[1]) if found else None

    return shown


@pytest.fixture
def engine(shared_engines, config):
    return shared_engines["test"].connect_to(config.database_url)


def test_what_is_due_and_for_how_long(app, start, work, clock, shown):
    start()
    clock.advance(seconds=42)
    runner_of(app).show_queue(clock())
    assert (shown("due_onboardings"), shown("oldest_due_seconds"), shown("running_onboardings")) == (1, 42, 0)
    work()
    runner_of(app).show_queue(clock())
    assert (shown("due_onboardings"), shown("oldest_due_seconds")) == (0, 0)


def test_what_partners_have_not_accepted(app, engine, clock, shown):
    add_events(notifying_store(engine), partner="shop", times=3, at=clock() - timedelta(minutes=5))
    runner_of(app).show_queue(clock())
    assert shown("undelivered_notifications", partner="shop") == 3
    assert shown("oldest_undelivered_seconds", partner="shop") == 300
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE events SET due_at = NULL")
    runner_of(app).show_queue(clock())
    assert shown("undelivered_notifications", partner="shop") == 0


def test_without_a_budget_its_rest_is_endless(app, clock, shown):
    runner_of(app).show_queue(clock())
    assert shown("gu1_reads_left") == float("inf")


def test_the_process_and_its_connections(app, gu1, clock, shown):
    gu1.is_failing = True
    runner_of(app).show_process(clock())
    assert (shown("gu1_breakers_open"), shown("gu1_calls_allowed")) == (1, gu1.calls_allowed)
    assert shown("database_connections", state="idle") is not None
    assert shown("process_cpu_seconds") > 0


def test_whether_webhooks_are_trusted(app, begin, gu1, clock, shown):
    begin()
    runner_of(app).show_process(clock())
    assert shown("webhooks_trusted") == 0
    seen = gu1.becomes("validation-1", Status.IN_PROGRESS)
    app.extensions["portal"].webhooks.handle(VerifiedWebhook("validation-1", seen), b"body")
    runner_of(app).show_process(clock())
    assert (shown("webhooks_trusted"), shown("webhooks_missed_total")) == (1, 0)


def test_housekeeping_says_when_it_came_to_its_end(app, clock, shown):
    assert runner_of(app).purge_expired(clock()) is False
    assert shown("housekeeping_success_timestamp_seconds") == clock().timestamp()


def test_failures_of_the_database_are_counted(database_kind, app, engine, shown):
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE budgets RENAME TO elsewhere")
    with pytest.raises(StoreUnavailable):
        SharedState(engine).spent(NOW)
    assert shown("database_errors_total", kind=KINDS[database_kind]) == 1
