"""Reads that are asked for at the same time are made together."""

import asyncio
import threading

import pytest

from portal.domain.errors import StoreUnavailable
from portal.services.shared_reads import SharedReads


class Reads:
    def __init__(self):
        self.asked, self.error, self.go_on = [], None, threading.Event()
        self.go_on.set()

    def __call__(self, keys):
        self.asked.append(list(keys))
        assert self.go_on.wait(10)
        if self.error:
            raise self.error
        return [key * 2 for key in keys]


@pytest.fixture
def reads():
    return Reads()


@pytest.fixture
def shared(reads):
    return SharedReads(reads)


def test_those_who_ask_at_once_share_a_read(shared, reads):
    async def ask():
        return await asyncio.gather(*(shared.of(key) for key in (1, 2, 1)))

    assert asyncio.run(ask()) == [2, 4, 2]
    assert reads.asked == [[1, 2, 1]]


def test_whoever_asks_while_one_is_made_gets_the_next(shared, reads):
    async def ask():
        reads.go_on.clear()
        first = asyncio.create_task(shared.of(1))
        while not reads.asked:
            await asyncio.sleep(0.001)
        later = [asyncio.create_task(shared.of(key)) for key in (2, 3)]
        await asyncio.sleep(0)
        reads.go_on.set()
        return await asyncio.gather(first, *later)

    assert asyncio.run(ask()) == [2, 4, 6]
    assert reads.asked == [[1], [2, 3]]


def test_an_error_is_of_all_who_shared_it_and_of_nobody_after(shared, reads):
    async def ask():
        return await asyncio.gather(shared.of(1), shared.of(2), return_exceptions=True)

    reads.error = StoreUnavailable("away")
    assert asyncio.run(ask()) == [reads.error, reads.error]
    reads.error = None
    assert asyncio.run(ask()) == [2, 4]


def test_whoever_gives_up_takes_nothing_from_the_others(shared, reads):
    async def ask():
        reads.go_on.clear()
        given_up, kept = (asyncio.create_task(shared.of(key)) for key in (1, 2))
        while not reads.asked:
            await asyncio.sleep(0.001)
        given_up.cancel()
        reads.go_on.set()
        return await asyncio.gather(given_up, kept, return_exceptions=True)

    gone, value = asyncio.run(ask())
    assert isinstance(gone, asyncio.CancelledError)
    assert value == 4
