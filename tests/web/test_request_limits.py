import logging
import socket
import time
from contextlib import closing

import pytest

from portal.domain.limit_storage import IN_MEMORY
from portal.metrics import Metrics
from portal.services.keyed_hash import KeyedHash
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


def test_counts_in_memory_are_removed_after_their_minute(monkeypatch):
    limits = RequestLimits(IN_MEMORY, HASH, Metrics())
    counts = limits._limiter.storage
    for number in range(10_000):
        limits.seconds_left(Limited.FORM, str(number))
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 61)
    deadline = time.monotonic() + 20
    while len(counts.storage) + len(counts.expirations) + len(counts.events) + len(counts.locks) > 10:
        assert time.monotonic() < deadline, "they are still there"
        limits.seconds_left(Limited.FORM, "203.0.113.7")
        time.sleep(0.05)


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
