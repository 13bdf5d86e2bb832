import asyncio
import threading
import time

import pytest

from portal.app import runner_of
from portal.domain.errors import StoreUnavailable
from portal.domain.timings import Timings
from portal.runner.onboarding_worker import OnboardingWorker
from portal.runner.thread import RunnerThread
from tests.factories import NOW, an_onboarding

SELDOM = Timings(idle=60.0)


class Queue:
    """A store whose onboardings are put in from other threads; `crash` is raised once."""

    def __init__(self):
        self.waiting, self.looks, self.crash = [], 0, None

    def next_due(self, now):
        self.looks += 1
        return now if self.waiting or self.crash else None

    def claim(self, *, now, lease_until, limit):
        if self.crash:
            crash, self.crash = self.crash, None
            raise crash
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken


class Rig:
    def __init__(self, step, purge_expired=lambda now: False, show_queue=lambda now: None):
        self.store = Queue()
        self.onboardings = OnboardingWorker(self.store, step, clock=lambda: NOW, timings=SELDOM)
        self.runner = RunnerThread(
            self.onboardings, clock=lambda: NOW, purge_expired=purge_expired, show_queue=show_queue
        )

    def begin(self):
        self.runner.start()
        until(lambda: self.store.looks)
        time.sleep(0.02)

    def submit(self, *names):
        self.store.waiting += [an_onboarding(id=name) for name in names]
        self.onboardings.wake()


def until(holds):
    give_up = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.005)


@pytest.fixture
def done():
    return []


@pytest.fixture
def rig(done):
    async def step(onboarding):
        done.append((onboarding.id, threading.current_thread().name))

    made = Rig(step)
    yield made
    made.runner.stop()


def test_it_works_in_a_thread_of_its_own(rig, done):
    rig.store.waiting.append(an_onboarding(id="a"))
    rig.begin()
    until(lambda: done == [("a", "runner")])


def test_it_wakes_at_once_for_work_of_its_own_process(rig, done):
    rig.begin()
    before = time.monotonic()
    rig.submit("a")
    until(lambda: done)
    assert time.monotonic() - before < 1


@pytest.mark.long
def test_it_goes_on_after_a_worker_crashed(rig, done, caplog):
    rig.store.crash = RuntimeError("what was that")
    rig.store.waiting.append(an_onboarding(id="a"))
    rig.begin()
    until(lambda: done)
    assert "OnboardingWorker failed; restarting it" in caplog.text


def test_it_finishes_what_is_under_way_before_it_stops():
    begun, finished = threading.Event(), threading.Event()

    async def step(_onboarding):
        begun.set()
        await asyncio.sleep(0.4)
        finished.set()

    rig = Rig(step)
    rig.begin()
    rig.submit("a")
    assert begun.wait(5) and not finished.is_set()
    rig.runner.stop()
    assert finished.is_set()


def test_it_takes_nothing_new_once_it_is_stopped(done):
    async def step(onboarding):
        done.append(onboarding.id)

    rig = Rig(step)
    rig.begin()
    rig.runner.stop()
    rig.submit("late")
    assert done == [] and len(rig.store.waiting) == 1


def test_waking_what_was_never_started_does_nothing(done):
    Rig(done.append).onboardings.wake()


@pytest.mark.parametrize("error", [None, StoreUnavailable("away")])
def test_it_purges_at_once_and_survives_a_failure(error, done):
    purged = []

    def purge_expired(now):
        purged.append(now)
        if error:
            raise error
        return len(purged) < 3

    async def step(onboarding):
        done.append(onboarding.id)

    rig = Rig(step, purge_expired)
    rig.begin()
    until(lambda: len(purged) == (1 if error else 3))
    rig.submit("a")
    until(lambda: done == ["a"])
    rig.runner.stop()
    assert set(purged) == {NOW}


@pytest.mark.long
@pytest.mark.parametrize("error", [None, StoreUnavailable("away"), ValueError("odd")])
def test_it_counts_problems_at_once_and_survives_a_failure(error, done):
    counted = []

    def show_queue(now):
        counted.append(now)
        if error:
            raise error

    async def step(onboarding):
        done.append(onboarding.id)

    rig = Rig(step, show_queue=show_queue)
    rig.begin()
    until(lambda: counted)
    rig.submit("a")
    until(lambda: done == ["a"])
    rig.runner.stop()
    assert counted == [NOW]


def test_connections_to_gu1_are_closed_at_the_end(app, gu1):
    runner = runner_of(app)
    runner.start()
    runner.stop()
    assert gu1.closed
