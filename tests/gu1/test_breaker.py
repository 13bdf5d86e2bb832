from __future__ import annotations

import pytest

from portal.domain.errors import Gu1Error, Malformed, NotSent, OutcomeUnknown, Refused, Unavailable
from portal.gu1.breaker import Breaker


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def end(breaker: Breaker, error: BaseException | None) -> None:
    """One call that ends so."""
    try:
        with breaker.attempt():
            if error:
                raise error
    except type(error or KeyError()):
        pass


def is_held_back(breaker: Breaker) -> bool:
    try:
        with breaker.attempt():
            raise KeyboardInterrupt
    except NotSent:
        return True
    except KeyboardInterrupt:
        return False


def an_open_breaker(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(5):
        end(breaker, Unavailable("…"))
    return breaker


@pytest.mark.asvs("16.5.2")
@pytest.mark.parametrize("error", [Unavailable("…"), NotSent("…"), OutcomeUnknown("…")])
def test_five_failures_in_a_row_hold_calls_back(error: Gu1Error) -> None:
    breaker = Breaker(Clock())
    for _ in range(4):
        end(breaker, error)
    assert not is_held_back(breaker)
    end(breaker, error)
    assert is_held_back(breaker)


@pytest.mark.parametrize("sign_of_life", [None, Refused(400, None), Malformed("…")])
def test_any_answer_begins_the_count_again(sign_of_life: Gu1Error | None) -> None:
    breaker = Breaker(Clock())
    for error in [*[Unavailable("…")] * 4, sign_of_life, *[Unavailable("…")] * 4]:
        end(breaker, error)
    assert not is_held_back(breaker)


def test_pause_ends_with_one_probe() -> None:
    clock = Clock()
    breaker = an_open_breaker(clock)
    clock.now += 5
    with breaker.attempt():
        assert is_held_back(breaker)
    assert not is_held_back(breaker)


def test_pauses_double_up_to_a_minute() -> None:
    clock = Clock()
    breaker = an_open_breaker(clock)
    for pause in (5, 10, 20, 40, 60, 60):
        clock.now += pause - 0.1
        assert is_held_back(breaker)
        clock.now += 0.1
        end(breaker, Unavailable("…"))


def test_late_failures_do_not_lengthen_the_pause() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    with pytest.raises(Unavailable), breaker.attempt():
        for _ in range(5):
            end(breaker, Unavailable("…"))
        raise Unavailable("…")
    clock.now += 5
    assert not is_held_back(breaker)


def test_cancelled_probe_leaves_room_for_the_next() -> None:
    clock = Clock()
    breaker = an_open_breaker(clock)
    clock.now += 5
    end(breaker, KeyboardInterrupt())
    assert not is_held_back(breaker)


def test_first_pause_is_short_again_after_recovery() -> None:
    clock = Clock()
    breaker = an_open_breaker(clock)
    clock.now += 5
    end(breaker, Unavailable("…"))
    clock.now += 10
    end(breaker, None)
    for _ in range(5):
        end(breaker, Unavailable("…"))
    clock.now += 5
    assert not is_held_back(breaker)
