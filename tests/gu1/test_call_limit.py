import pytest

from portal.gu1.call_limit import BETWEEN_CUTS, FEWEST, CallLimit


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def throttled(limit: CallLimit, ticks: Ticks, times: int) -> None:
    for _ in range(times):
        ticks.now += BETWEEN_CUTS
        limit.throttled()


def test_fewer_calls_after_each_429_and_all_of_them_again_with_time() -> None:
    ticks = Ticks()
    limit = CallLimit(32, ticks)
    throttled(limit, ticks, 2)
    assert limit.current == 8
    for _ in range(8):
        limit.answered()
    assert 8 <= limit.current <= 9
    for _ in range(2000):
        limit.answered()
    assert limit.current == 32


def test_calls_refused_together_count_as_one() -> None:
    ticks = Ticks()
    limit = CallLimit(32, ticks)
    throttled(limit, ticks, 1)
    for _ in range(31):
        limit.throttled()
    assert limit.current == 16


@pytest.mark.parametrize(("ceiling", "fewest"), [(32, FEWEST), (1, 1)])
def test_a_few_calls_are_always_allowed(ceiling: int, fewest: int) -> None:
    ticks = Ticks()
    limit = CallLimit(ceiling, ticks)
    throttled(limit, ticks, 20)
    assert limit.current == fewest
