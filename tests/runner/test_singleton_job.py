from __future__ import annotations

from datetime import timedelta

import pytest

from portal.runner.singleton_job import SingletonJob
from portal.store.shared_state import SharedState
from tests.factories import NOW

HOUR = timedelta(hours=1)


@pytest.fixture
def process(shared_engines, config):
    shared_state = SharedState(shared_engines["test"].connect_to(config.database_url))

    def process(slices):
        left = iter([*[True] * (slices - 1), False])
        return SingletonJob(shared_state, "housekeeping", lambda _now: next(left), every=HOUR)

    return process


def worked(process, now=NOW):
    slices = 0
    while process(now):
        slices += 1
    return slices


def test_one_process_works_to_the_end_and_the_others_do_nothing(process):
    first, second = process(3), process(3)
    assert first(NOW) is True
    assert worked(second) == 0
    assert worked(first) == 1  # two more slices; the last says that it is the last


def test_whoever_is_first_has_the_next_turn(process):
    first, second = process(2), process(2)
    worked(first)
    assert worked(second, NOW + HOUR) == 1


def test_turn_that_a_wrong_clock_took_is_not_waited_for(process):
    worked(process(1), NOW + timedelta(days=400))
    assert worked(process(2)) == 1
