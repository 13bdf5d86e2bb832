"""Nobody can tell by the time until a page is ready whether gu1 knew the number before."""

import asyncio
import time
from random import Random

import pytest

from e2e.bench.enumeration import auc
from portal.services.equal_times import LONGEST_HOLD, REMEMBERED, EqualTimes


def totals(times, draw, *, known, new, each=400):
    """Of both ways in turn, after so many that what is remembered is full."""
    taken = {True: [], False: []}
    for number in range(2 * (each + REMEMBERED)):
        was_known = number % 2 == 0
        took = draw.uniform(*(known if was_known else new))
        taken[was_known].append(took + times.left(took, was_known=was_known))
    return taken[True][REMEMBERED:], taken[False][REMEMBERED:]


@pytest.mark.parametrize(
    ("known", "new"), [((0.8, 1.2), (0.5, 0.8)), ((0.3, 0.5), (0.5, 0.9)), ((0.6, 0.9), (0.6, 0.9))]
)
def test_both_ways_take_alike_whichever_is_the_longer(known, new):
    draw = Random(7)
    assert auc(*totals(EqualTimes(draw=draw), draw, known=known, new=new)) == pytest.approx(0.5, abs=0.05)


def test_nobody_waits_longer_than_the_slower_way_lately_took():
    draw = Random(7)
    _, new = totals(EqualTimes(draw=draw), draw, known=(0.9, 1.0), new=(0.5, 0.6))
    assert max(new) <= 1.0
    both = totals(EqualTimes(draw=draw), draw, known=(0.5, 0.6), new=(0.5, 0.6))
    assert max(both[0] + both[1]) <= 0.6


def test_call_that_hung_holds_up_nobody_for_long():
    times = EqualTimes(draw=Random(7))
    for _ in range(REMEMBERED):
        times.left(12.0, was_known=True)
    assert times.left(0.5, was_known=False) == LONGEST_HOLD


def test_first_of_a_kind_is_not_recognised_by_its_own_time():
    """Known ones are rare: the first is held like one of those before it."""
    times = EqualTimes(draw=Random(7))
    for _ in range(REMEMBERED):
        times.left(0.9, was_known=False)
    assert times.left(0.6, was_known=True) == pytest.approx(0.3)


@pytest.mark.long
def test_step_holds_a_new_number_for_as_long_as_known_ones_took(start, work, gu1, onboardings):
    async def reads_slowly():
        await asyncio.sleep(0.05)

    for number in range(REMEMBERED // 4):
        gu1.during["read_entity"] = reads_slowly
        gu1.entities[f"entity-{number}"] = (f"301112{number:02}", "somebody")
        start(nonce=f"known-{number}", document_number=f"301112{number:02}")
        work()
    fresh = start(nonce="new", document_number="30999888")
    began = time.monotonic()
    work()
    assert time.monotonic() - began >= 0.05
    assert onboardings.get(fresh.id).entity_id
