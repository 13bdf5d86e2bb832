from datetime import timedelta

import pytest

from portal.domain.status import Status
from portal.domain.timings import Timings
from tests.factories import an_adopted_validation

PACE = Timings()


def seconds(wait: timedelta) -> float:
    return wait.total_seconds()


@pytest.mark.parametrize(
    ("refreshes", "expected"), [(0, 5), (11, 5), (12, 30), (31, 30), (32, 300), (59, 300), (60, 3600), (9999, 3600)]
)
def test_looks_become_rarer(refreshes, expected):
    assert seconds(PACE.refresh_after(an_adopted_validation(refreshes=refreshes))) == expected


@pytest.mark.parametrize("refreshes", [0, 100])
def test_reviews_are_looked_at_at_peoples_speed(refreshes):
    reviewed = an_adopted_validation(status=Status.IN_REVIEW, refreshes=refreshes)
    assert seconds(PACE.refresh_after(reviewed)) == 300


@pytest.mark.parametrize(
    ("refreshes", "expected"), [(0, 120), (11, 120), (12, 300), (31, 300), (32, 300), (60, 3600), (9999, 3600)]
)
def test_rare_looks_become_rarer_too(refreshes, expected):
    assert seconds(PACE.rare_refresh_after(an_adopted_validation(refreshes=refreshes))) == expected


@pytest.mark.parametrize(
    ("elapsed", "number"),
    [
        *((-9, 0), (0, 0), (4.9, 0), (5, 1), (60, 12), (89, 12), (90, 13), (660, 32), (959, 32), (960, 33)),
        *((9060, 60), (9060 + 3600, 61), (9060 + 10 * 3600, 70)),
    ],
)
def test_as_many_looks_fit_into_a_time_as_there_are_in_it(elapsed, number):
    assert PACE.refreshes_within(timedelta(seconds=elapsed)) == number


@pytest.mark.parametrize(("failures", "ceiling"), [(1, 1), (2, 2), (4, 8), (7, 60), (100_000, 60)])
def test_backoff_doubles_up_to_a_minute(failures, ceiling):
    waits = [seconds(PACE.backoff(failures)) for _ in range(50)]
    assert ceiling / 2 <= min(waits) and max(waits) <= ceiling
    assert len(set(waits)) > 1


def test_stated_wait_is_kept_and_spread():
    waits = [seconds(PACE.backoff(1, retry_after=100)) for _ in range(50)]
    assert min(waits) >= 100 and max(waits) <= 120
    assert len(set(waits)) > 1


def test_stated_wait_of_nothing_is_no_licence_to_hammer():
    assert seconds(PACE.backoff(5, retry_after=0)) >= 8
