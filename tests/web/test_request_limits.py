import logging
import socket
import time
from contextlib import closing

import pytest

from portal.domain.limit_storage import IN_MEMORY
from portal.environment import WORKERS_FOLDER
from portal.metrics import Metrics
from portal.services.keyed_hash import KeyedHash
from portal.web.minute_counts import MinuteCounts
from portal.web.request_limits import Limited, RequestLimits

HASH = KeyedHash(["a secret for tests"], "limits")


def used_up(limits, kind, *source):
    return [limits.seconds_left(kind, *source) for _ in range(kind.value + 1)]


def test_one_more_than_the_limit_is_told_when_to_come_back():
    limits = RequestLimits(IN_MEMORY, HASH, Metrics())
    *within, above = used_up(limits, Limited.BUTTON, "203.0.113.7", "link")
    assert set(within) == {None}
    assert 1 <= above <= 60


def test_sources_and_kinds_are_counted_apart():
    limits = RequestLimits(IN_MEMORY, HASH, Metrics())
    used_up(limits, Limited.BUTTON, "203.0.113.7", "link")
    assert limits.seconds_left(Limited.BUTTON, "203.0.113.7", "other link") is None
    assert limits.seconds_left(Limited.BUTTON, "203.0.113.8", "link") is None
    assert limits.seconds_left(Limited.FORM, "203.0.113.7", "link") is None


def test_all_worker_processes_of_a_machine_allow_as_much_as_one(monkeypatch, tmp_path):
    monkeypatch.setenv(WORKERS_FOLDER, str(tmp_path))
    workers = [RequestLimits(IN_MEMORY, HASH, Metrics()) for _ in range(8)]
    allowed = [worker.seconds_left(Limited.BUTTON, "203.0.113.7") is None for worker in workers * 20]
    assert sum(allowed) == Limited.BUTTON.value
    started_meanwhile = RequestLimits(IN_MEMORY, HASH, Metrics())
    assert started_meanwhile.seconds_left(Limited.BUTTON, "203.0.113.7")


def test_counts_in_memory_end_with_their_minute(monkeypatch):
    limits = RequestLimits(IN_MEMORY, HASH, Metrics())
    used_up(limits, Limited.BUTTON, "203.0.113.7")
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 59)
    assert limits.seconds_left(Limited.BUTTON, "203.0.113.7") in {1, 2}
    monkeypatch.setattr("time.time", lambda: now + 61)
    assert limits.seconds_left(Limited.BUTTON, "203.0.113.7") is None


def test_clock_that_is_set_back_keeps_nobody_waiting_for_longer(monkeypatch):
    limits = RequestLimits(IN_MEMORY, HASH, Metrics())
    used_up(limits, Limited.BUTTON, "203.0.113.7")
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now - 3600)
    limits.seconds_left(Limited.BUTTON, "203.0.113.7")
    monkeypatch.setattr("time.time", lambda: now - 3600 + 61)
    assert limits.seconds_left(Limited.BUTTON, "203.0.113.7") is None


@pytest.mark.long
def test_more_sources_than_memory_has_room_for_free_nobody_who_was_refused():
    counts = MinuteCounts(folder=None)
    counts.incr("203.0.113.7", 60, Limited.BUTTON.value)
    for number in range(100_000):
        counts.incr(str(number), 60)
    assert counts.get("203.0.113.7") == Limited.BUTTON.value


def test_without_a_storage_nothing_is_limited():
    assert set(used_up(RequestLimits(None, HASH, Metrics()), Limited.BUTTON, "203.0.113.7")) == {None}


@pytest.fixture
def nobody_there():
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"redis://:password@127.0.0.1:{taken.getsockname()[1]}"


def test_storage_that_is_down_lets_all_through_and_is_logged_once_a_minute(nobody_there, caplog):
    now, metrics = [0.0], Metrics()
    limits = RequestLimits(nobody_there, HASH, metrics, monotonic=lambda: now[0])
    with caplog.at_level(logging.ERROR):
        for _ in range(13):
            assert set(used_up(limits, Limited.BUTTON, "203.0.113.7")) == {None}
            now[0] += 5.1
    assert len(caplog.records) == 2
    assert "ConnectionError" in caplog.text
    assert "password" not in caplog.text
    # Each time asked once, not with every request.
    assert "portal_request_limit_failures_total 13.0" in metrics.page().decode()
