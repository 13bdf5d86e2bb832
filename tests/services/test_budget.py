from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.services.budget import Budget
from portal.store.database import make_engine
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from portal.store.shared_state import SharedState
from tests.databases import on_both_databases
from tests.factories import an_onboarding

LIMIT = 10


@pytest.fixture
def config(config):
    return config.model_copy(update={"gu1_hourly_budget": LIMIT})


@pytest.fixture
def database(app, config):
    engine = make_engine(config.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(database):
    return Repository(database, ColumnCipher(["a secret for tests"]))


@pytest.fixture
def a_budget(database, store, clock):
    """Of one replica; all of them share the database."""
    return lambda limit=LIMIT: Budget(store, SharedState(database), limit, clock)


@pytest.fixture
def begin_many(start, work, open_page):
    """Onboardings of as many people, each ready and, if so wished, with somebody at the page."""

    def begin_many(count, *, watched):
        started = [start(f"form-{number}", document_number=str(30111000 + number)) for number in range(count)]
        work()
        for one in started if watched else []:
            open_page(one)
        return started

    return begin_many


def takes(budget, times, *, watched):
    return [budget.take(watched=watched) for _ in range(times)].count(None)


def reads(gu1):
    return len(gu1.named("read_validation"))


def test_without_a_limit_every_look_is_free(a_budget):
    budget = a_budget(None)
    assert takes(budget, 500, watched=False) == 500
    assert budget.least_interval() == timedelta()


def test_people_at_their_page_may_have_all_of_it(a_budget):
    assert takes(a_budget(), 2 * LIMIT, watched=True) == LIMIT


@on_both_databases
def test_replicas_at_once_never_take_more_than_the_limit(a_budget):
    budgets = [a_budget() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda number: budgets[number % 4].take(watched=True), range(40)))
    assert answers.count(None) == LIMIT


@pytest.mark.parametrize(("minute", "share"), [(0, 0), (11, 0), (12, 1), (30, 2), (36, 3), (59, 4)])
def test_share_of_the_unwatched_grows_over_the_hour(a_budget, clock, minute, share):
    clock.advance(minutes=minute)
    assert takes(a_budget(), LIMIT, watched=False) == share


def test_unwatched_never_take_what_the_watched_need(a_budget, clock):
    clock.advance(minutes=59)
    unwatched = takes(a_budget(), LIMIT, watched=False)
    assert takes(a_budget(), LIMIT, watched=True) == LIMIT - unwatched >= LIMIT / 2


def test_where_the_watched_took_much_the_unwatched_wait(a_budget, clock):
    takes(a_budget(), 6, watched=True)
    clock.advance(minutes=59)
    assert takes(a_budget(), LIMIT, watched=False) == 0


def test_whoever_gets_none_is_told_when_to_ask_again(a_budget, clock):
    budget = a_budget()
    clock.advance(minutes=10)
    takes(budget, LIMIT, watched=True)
    assert budget.take(watched=True) == timedelta(minutes=50)
    assert budget.take(watched=False) == timedelta(minutes=2)
    clock.advance(minutes=49)
    assert budget.take(watched=False) == timedelta(minutes=1)


def test_next_hour_begins_with_a_new_budget(a_budget, clock):
    takes(a_budget(), LIMIT, watched=True)
    clock.advance(minutes=60)
    assert takes(a_budget(), 2 * LIMIT, watched=True) == LIMIT


def test_what_is_left_is_spread_evenly_over_the_watched(a_budget, store, clock):
    clock.advance(minutes=30)
    for _ in range(3):
        store.add(an_onboarding(watched_at=clock()))
    store.add(an_onboarding(watched_at=clock(), due_at=None))
    store.add(an_onboarding(watched_at=clock() - timedelta(minutes=2)))
    takes(a_budget(), 5, watched=True)
    assert a_budget().least_interval() == timedelta(minutes=30) * 3 / 5


def test_nobody_waits_past_the_hour_for_a_fair_share(a_budget, store, clock):
    for _ in range(20):
        store.add(an_onboarding(watched_at=clock()))
    takes(a_budget(), LIMIT, watched=True)
    assert a_budget().least_interval() == timedelta(hours=1)


@pytest.mark.long
def test_watched_looks_keep_within_the_limit_all_hour(begin_many, gu1, open_page, pass_time):
    started = begin_many(4, watched=True)
    for _ in range(58):
        pass_time(60, stride=20)
        for one in started:
            open_page(one)
    assert 4 < reads(gu1) <= LIMIT
    looks = [sum(call[1] == f"validation-{number}" for call in gu1.calls) for number in range(1, 5)]
    assert max(looks) - min(looks) <= 1


def test_used_up_budget_postpones_without_counting_as_failure(begin_many, gu1, a_budget, onboardings, pass_time):
    (started,) = begin_many(1, watched=True)
    takes(a_budget(), LIMIT, watched=True)
    pass_time(60, stride=5)
    put_off = onboardings.get(started.id)
    assert (put_off.failures, put_off.stall_reason, put_off.lease_until) == (0, None, None)
    assert (put_off.due_at.minute, reads(gu1)) == (0, 0)


def test_used_up_budget_is_counted_once_an_hour_for_each_who_looks(begin_many, a_budget, pass_time, counted):
    begin_many(2, watched=True)
    takes(a_budget(), LIMIT, watched=True)
    pass_time(60, stride=5)
    assert counted("budget_spent") == 2


def test_next_hour_goes_on_by_itself(begin_many, gu1, a_budget, open_page, pass_time):
    (started,) = begin_many(1, watched=True)
    takes(a_budget(), LIMIT, watched=True)
    for _ in range(59):
        pass_time(60, stride=60)
        open_page(started)
    assert reads(gu1) == 0
    pass_time(60, stride=60)
    assert reads(gu1) == 1


def test_unwatched_are_looked_at_later_but_before_the_hour_ends(begin_many, gu1, pass_time):
    begin_many(2, watched=False)
    pass_time(600, stride=60)
    assert reads(gu1) == 0
    pass_time(2940, stride=60)
    assert 1 <= reads(gu1) <= LIMIT / 2


def test_somebody_who_comes_to_look_goes_before_the_unwatched(begin_many, gu1, open_page, work, clock):
    started = begin_many(3, watched=False)
    clock.advance(seconds=30)
    work()
    open_page(started[1])
    work()
    (read,) = gu1.named("read_validation")
    assert gu1.validations[read[1]].nonce == started[1].validation.nonce


def test_webhooks_are_heard_whatever_the_budget(begin_many, a_budget, report, onboardings):
    (started,) = begin_many(1, watched=True)
    takes(a_budget(), LIMIT, watched=True)
    report(Status.REJECTED)
    assert stage_of(onboardings.get(started.id), max_attempts=3) is Stage.REJECTED


def test_creation_needs_no_budget(a_budget, begin_many, onboardings):
    takes(a_budget(), LIMIT, watched=True)
    (started,) = begin_many(1, watched=False)
    assert onboardings.get(started.id).validation.gu1_id == "validation-1"


@pytest.fixture
def overdue(begin_many, clock, open_page):
    """Its session is over, and its applicant has just come to look."""
    (started,) = begin_many(1, watched=False)
    clock.advance(days=7)
    open_page(started)
    return started


def test_closing_what_ran_out_pays_for_both_of_its_reads(overdue, gu1, database, work, clock):
    work()
    assert (reads(gu1), SharedState(database).spent(clock())) == (2, 2)


def test_budget_that_ends_while_it_is_closed_loses_nothing(overdue, gu1, a_budget, pass_time, onboardings):
    takes(a_budget(), LIMIT - 1, watched=True)
    pass_time(1)
    assert (reads(gu1), gu1.validations["validation-1"].status) == (1, Status.CANCELLED)
    pass_time(7200, stride=300)
    assert stage_of(onboardings.get(overdue.id), max_attempts=3) is Stage.EXPIRED
    assert len(gu1.named("cancel_validation")) == 1
