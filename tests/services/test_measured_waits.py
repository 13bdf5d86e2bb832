from datetime import timedelta

import pytest

from portal.domain.errors import StoreUnavailable
from portal.domain.waits import ENOUGH, SAMPLE, Wait
from portal.services.measured_waits import MeasuredWaits
from tests.factories import NOW

MINUTE = timedelta(minutes=1)


class Reader:
    """Waits of a minute, and of an hour in what ended after twelve o'clock."""

    def __init__(self):
        self.asked = []
        self.fails = False

    def last_waits(self, keys, until, *, limit):
        if self.fails:
            raise StoreUnavailable("it is away")
        assert limit == SAMPLE
        self.asked.append(until)
        return {("waiting", "AR"): [3600 if until > NOW else 60] * ENOUGH, ("waiting", "BR"): [60] * (ENOUGH - 1)}


@pytest.fixture
def reader():
    return Reader()


@pytest.fixture
def waits(reader):
    return MeasuredWaits(reader, ["AR", "BR"])


def test_nothing_is_told_before_it_was_measured_or_of_too_few(waits):
    assert waits.of("waiting", "AR", NOW) is None
    waits.measure(NOW)
    assert waits.of("waiting", "AR", NOW) == Wait(60, 60)
    assert waits.of("waiting", "BR", NOW) is None
    assert waits.of("waiting", None, NOW) is None
    assert waits.of("ready", "AR", NOW) is None


def test_database_is_read_once_in_ten_minutes(waits, reader):
    for minute in range(60):
        waits.measure(NOW + minute * MINUTE)
    assert len(reader.asked) == len(set(reader.asked)) == 7


@pytest.mark.parametrize("offset", range(1, 60, 7))
def test_processes_that_measure_at_different_seconds_say_the_same_at_every_moment(reader, offset):
    first, second = MeasuredWaits(reader, ["AR"]), MeasuredWaits(reader, ["AR"])
    told = []
    for it in range(60 * 25):
        now = NOW + timedelta(seconds=it)
        if it % 60 == 0:
            first.measure(now)
        if it == 0 or it % 60 == offset:
            second.measure(now)
        told.append(first.of("waiting", "AR", now))
        assert second.of("waiting", "AR", now) == told[-1]
    assert told[0] == Wait(60, 60)
    assert told[-1] == Wait(3600, 3600)


def test_without_a_database_the_last_words_stay(waits, reader):
    waits.measure(NOW)
    reader.fails = True
    later = NOW + 30 * MINUTE
    with pytest.raises(StoreUnavailable):
        waits.measure(later)
    assert waits.of("waiting", "AR", later) == Wait(60, 60)
