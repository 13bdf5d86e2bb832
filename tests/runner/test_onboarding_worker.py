import asyncio
import threading
from collections import Counter
from datetime import timedelta

import pytest

from portal.app import runner_of
from portal.domain.errors import StoreUnavailable
from portal.domain.timings import Timings
from portal.runner.onboarding_worker import OnboardingWorker
from tests.factories import NOW, an_onboarding


class Due:
    """A store that hands out what is put in."""

    def __init__(self, *onboardings):
        self.waiting = list(onboardings)
        self.leases, self.looks = [], 0
        self.failing = None

    def next_due(self, now):
        self.looks += 1
        return now if self.waiting or self.failing else None

    def claim(self, *, now, lease_until, limit):
        self.leases.append((now, lease_until, limit))
        if self.failing:
            raise self.failing
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken


class Work:
    """Steps that stay under way until they are let go."""

    def __init__(self):
        self.begun, self.done, self.most_at_once = [], [], 0
        self.go = asyncio.Event()

    async def __call__(self, onboarding):
        self.begun.append(onboarding.id)
        self.most_at_once = max(self.most_at_once, len(self.begun) - len(self.done))
        await self.go.wait()
        self.done.append(onboarding.id)


def a_worker(store, step, idle=60.0, limit=16):
    timings = Timings(idle=idle, between_looks=0.001)
    return OnboardingWorker(store, step, clock=lambda: NOW, timings=timings, limit=lambda: limit)


async def until(holds):
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


async def ended(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_claim_asks_for_what_is_due_now_with_a_lease_and_a_limit():
    store, work = Due(an_onboarding()), Work()
    work.go.set()
    asyncio.run(a_worker(store, work, limit=3).work_until_idle())
    assert store.leases == [(NOW, NOW + timedelta(seconds=Timings().lease), 3)]


def test_each_due_onboarding_gets_its_step_and_never_too_many_at_once():
    async def run_test():
        store, work = Due(*(an_onboarding() for _ in range(10))), Work()
        wanted = [it.id for it in store.waiting]
        work.go.set()
        await a_worker(store, work, limit=4).work_until_idle()
        assert sorted(work.done) == sorted(wanted)
        assert work.most_at_once <= 4

    asyncio.run(run_test())


def test_what_a_step_makes_due_is_worked_on_too():
    seen = []

    async def step(onboarding):
        seen.append(onboarding.id)
        if len(seen) < 3:
            store.waiting.append(onboarding)

    store = Due(an_onboarding(id="a"))
    asyncio.run(a_worker(store, step).work_until_idle())
    assert seen == ["a", "a", "a"]


def test_a_slow_step_does_not_hold_up_the_others():
    async def run_test():
        store, work = Due(an_onboarding(id="slow")), Work()
        worker = a_worker(store, work)
        running = asyncio.create_task(worker.run())
        await until(lambda: work.begun == ["slow"])
        store.waiting.append(an_onboarding(id="next"))
        worker.wake()
        await until(lambda: work.begun == ["slow", "next"])
        work.go.set()
        await ended(running)

    asyncio.run(run_test())


def test_work_of_other_processes_is_found_in_time():
    async def run_test():
        store, work = Due(), Work()
        work.go.set()
        running = asyncio.create_task(a_worker(store, work, idle=0.01).run())
        await until(lambda: store.looks)
        store.waiting.append(an_onboarding(id="theirs"))
        await until(lambda: work.done == ["theirs"])
        await ended(running)

    asyncio.run(run_test())


def test_what_is_under_way_is_finished_before_the_end():
    async def run_test():
        store, work = Due(an_onboarding(id="last")), Work()
        running = asyncio.create_task(a_worker(store, work).run())
        await until(lambda: work.begun)
        running.cancel()
        await asyncio.sleep(0.01)
        assert not running.done()
        work.go.set()
        await asyncio.wait([running])
        assert work.done == ["last"]

    asyncio.run(run_test())


def test_an_unavailable_store_is_asked_again():
    async def run_test():
        store, work = Due(an_onboarding(id="a")), Work()
        store.failing = StoreUnavailable("away")
        work.go.set()
        running = asyncio.create_task(a_worker(store, work, idle=0.01).run())
        await until(lambda: len(store.leases) > 2)
        store.failing = None
        await until(lambda: work.done == ["a"])
        await ended(running)

    asyncio.run(run_test())


def test_a_full_engine_claims_nothing_it_cannot_begin():
    async def run_test():
        store, work = Due(an_onboarding(id="a"), an_onboarding(id="b")), Work()
        worker = a_worker(store, work, limit=1)
        running = asyncio.create_task(worker.run())
        await until(lambda: work.begun == ["a"])
        worker.wake()
        await asyncio.sleep(0.01)
        assert len(store.leases) == 1
        work.go.set()
        await until(lambda: work.done == ["a", "b"])
        await ended(running)

    asyncio.run(run_test())


def test_told_to_end_while_it_claims_it_leaves_nothing_claimed():
    asked, may_claim, work = threading.Event(), threading.Event(), Work()

    class Slow(Due):
        def claim(self, **wanted):
            asked.set()
            may_claim.wait(5)
            return super().claim(**wanted)

    async def run_test():
        running = asyncio.ensure_future(a_worker(Slow(an_onboarding()), work).run())
        await until(asked.is_set)
        running.cancel()
        await asyncio.sleep(0.05)
        may_claim.set()
        work.go.set()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(work.done) == 1

    asyncio.run(run_test())


def test_two_engines_on_one_database_pay_for_each_onboarding_once(start, app, other_process, gu1):
    started = {start(f"form-{number}", document_number=str(30111000 + number)).id for number in range(12)}

    async def race():
        await asyncio.gather(runner_of(app).onboardings.work_until_idle(), other_process())

    asyncio.run(race())
    paid = Counter(call[3]["onboarding"] for call in gu1.named("create_validation"))
    assert paid == dict.fromkeys(started, 1)


@pytest.fixture
def adopted(start, work):
    """Six onboardings whose validations gu1 has."""
    for number in range(6):
        start(f"form-{number}", document_number=str(30111000 + number))
    work()


@pytest.mark.usefixtures("adopted")
def test_two_engines_never_read_one_validation_at_once(app, clock, other_process, gu1):
    under_way, most, read = Counter(), Counter(), gu1.read_validation

    async def counted(gu1_id):
        under_way[gu1_id] += 1
        most[gu1_id] = max(most[gu1_id], under_way[gu1_id])
        await asyncio.sleep(0.02)
        under_way[gu1_id] -= 1
        return await read(gu1_id)

    async def race():
        mine = runner_of(app).onboardings
        for _ in range(3):
            clock.advance(seconds=6)
            await asyncio.gather(mine.work_until_idle(), other_process(), mine.work_until_idle(), other_process())

    gu1.read_validation = counted
    asyncio.run(race())
    assert most == dict.fromkeys(gu1.validations, 1)
    assert len(gu1.named("read_validation")) == 3 * 6


@pytest.mark.parametrize(("limit", "asks"), [(1, True), (2, True), (3, False)])
def test_a_full_worker_asks_others_for_help(limit, asks):
    told, work = [], Work()

    async def run_test():
        worker = a_worker(Due(an_onboarding(id="a"), an_onboarding(id="b")), work, limit=limit)
        worker.wake.notify_others = lambda: told.append(len(work.begun) - len(work.done))
        running = asyncio.create_task(worker.run())
        await until(lambda: len(work.begun) == min(limit, 2))
        await asyncio.sleep(0.02)
        assert bool(told) is asks
        work.go.set()
        await until(lambda: len(work.done) == 2)
        await ended(running)

    asyncio.run(run_test())


def test_woken_by_others_it_looks_less_often():
    store, work = Due(), Work()

    async def run_test(hears, wait):
        worker = OnboardingWorker(store, work, clock=lambda: NOW, timings=Timings(idle=0.01, between_looks=0.001))
        worker.wake.hears_others = lambda: hears
        store.looks = 0
        running = asyncio.create_task(worker.run())
        await wait()
        await ended(running)
        return store.looks

    assert asyncio.run(run_test(hears=False, wait=lambda: until(lambda: store.looks > 2))) > 2
    assert asyncio.run(run_test(hears=True, wait=lambda: asyncio.sleep(0.1))) == 1
