import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import chain, repeat
from threading import Barrier
from unittest.mock import Mock

import pytest

from portal.domain.errors import StoreUnavailable
from portal.store import write_turn
from portal.store.database import make_engine, migrate
from portal.store.encryption import ColumnCipher
from portal.store.readiness import Readiness
from portal.store.repository import Repository
from portal.store.shared_state import SharedState
from portal.store.transactions import Transactions
from tests.factories import NOW, a_validation, an_onboarding

ROUNDS = 20
THREADS = 16
LEASE = NOW + timedelta(seconds=30)


def together(threads, work):
    """What `work(index)` returned in each of the threads, which all begin at once."""
    start = Barrier(threads, timeout=30)

    def begin(index):
        start.wait()
        return work(index)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


@pytest.mark.long
@pytest.mark.asvs("2.3.4")
def test_every_due_onboarding_is_claimed_by_exactly_one(repository):
    for _ in range(ROUNDS):
        added = repository.add(an_onboarding())
        claims = together(THREADS, lambda _: repository.claim(now=NOW, lease_until=LEASE, limit=1))
        assert [one.id for taken in claims for one in taken] == [added.id]


@pytest.mark.long
def test_threads_of_one_process_write_in_turn(tmp_path, cipher, monkeypatch):
    """They never meet SQLite's own lock."""
    has_begun = write_turn._has_begun
    monkeypatch.setattr(write_turn, "_has_begun", lambda driver: has_begun(driver) or pytest.fail("SQLite is locked"))
    engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}", pool_size=THREADS)
    migrate(engine)
    repository = Repository(engine, cipher)

    def write(_index):
        for _ in range(5):
            repository.add(an_onboarding())
            Readiness(engine, repository.ping).check()

    together(THREADS, write)
    assert len(repository.claim(now=NOW, lease_until=LEASE, limit=100)) == 5 * THREADS
    engine.dispose()


@pytest.mark.long
def test_a_write_that_waited_for_its_turn_does_not_wait_as_long_for_another_process(tmp_path, monkeypatch):
    limit = 20
    path = tmp_path / "portal.db"
    engine = make_engine(f"sqlite:///{path}", lock_timeout=limit)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    monkeypatch.setattr(write_turn, "time", Mock(monotonic=Mock(side_effect=chain([0], repeat(limit)))))
    with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"), Transactions(engine).writing():
        pass
    assert time.monotonic() < began + limit / 2
    other.close()
    with Transactions(engine).reading() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == limit * 1000
    engine.dispose()


def test_claimers_of_many_share_them_without_overlap(repository):
    added = {repository.add(an_onboarding()).id for _ in range(40)}
    claims = together(8, lambda _: repository.claim(now=NOW, lease_until=LEASE, limit=5))
    taken = [one.id for claim in claims for one in claim]
    assert all(len(claim) <= 5 for claim in claims)
    assert len(taken) == len(set(taken))
    assert set(taken) <= added


def test_an_expired_lease_is_taken_over_by_exactly_one(repository):
    repository.add(an_onboarding())
    (first,) = repository.claim(now=NOW, lease_until=LEASE, limit=1)
    late = LEASE + timedelta(seconds=1)
    claims = together(8, lambda _: repository.claim(now=late, lease_until=late + timedelta(minutes=1), limit=1))
    assert [one.fence for taken in claims for one in taken] == [first.fence + 1]


def test_the_same_submission_sent_at_once_is_one_onboarding(repository):
    added = together(8, lambda _: repository.add(an_onboarding(submission="one", validation=a_validation())))
    assert len({one.id for one in added}) == 1
    assert repository.get(added[0].id) == added[0]


def test_no_concurrent_save_is_lost(repository):
    added = repository.add(an_onboarding(validation=a_validation()))

    def count_up(_):
        with repository.locked(added.id) as row:
            seen = row.onboarding
            row.save(replace(seen, failures=seen.failures + 1, validation=counted(seen.validation)))

    together(THREADS, count_up)
    stored = repository.get(added.id)
    assert (stored.failures, stored.validation.refreshes) == (THREADS, THREADS)


def test_the_same_webhook_may_be_remembered_by_all_at_once(engine):
    shared_state = SharedState(engine)
    together(8, lambda _: shared_state.remember_webhook("aa", NOW))
    assert shared_state.has_webhook("aa")


@pytest.mark.asvs("2.3.4")
def test_a_budget_spent_at_once_is_not_overspent(engine):
    shared_state = SharedState(engine)
    assert sorted(together(16, lambda _: shared_state.spend(NOW, 5))) == [False] * 11 + [True] * 5


def test_readers_see_the_last_commit_while_a_row_is_locked(repository):
    added = repository.add(an_onboarding())
    with repository.locked(added.id) as row:
        row.save(replace(added, failures=1))
        assert repository.get(added.id) == added
        assert repository.next_due(NOW) == NOW
        repository.ping()


@pytest.mark.long
def test_waiting_for_a_lock_ends_in_store_unavailable(database_url):
    engine = make_engine(database_url, lock_timeout=0.3)
    migrate(engine)
    repository = Repository(engine, ColumnCipher(["key"]))
    added = repository.add(an_onboarding())
    began = time.monotonic()
    with repository.locked(added.id), pytest.raises(StoreUnavailable), repository.locked(added.id):
        pass
    assert 0.2 < time.monotonic() - began < 3
    engine.dispose()


@pytest.mark.long
def test_a_full_pool_ends_in_store_unavailable(database_url):
    engine = make_engine(database_url, pool_size=1)
    migrate(engine)
    repository = Repository(engine, ColumnCipher(["key"]))
    with engine.connect(), engine.connect(), pytest.raises(StoreUnavailable):
        repository.get("anybody")
    engine.dispose()


@pytest.mark.long
def test_sqlite_locked_by_another_program_is_store_unavailable(tmp_path):
    path = tmp_path / "portal.db"
    engine = make_engine(f"sqlite:///{path}", lock_timeout=0.2)
    migrate(engine)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    repository = Repository(engine, ColumnCipher(["key"]))
    with pytest.raises(StoreUnavailable):
        repository.add(an_onboarding())
    other.execute("ROLLBACK")
    other.close()
    repository.add(an_onboarding())
    engine.dispose()


def counted(validation):
    return replace(validation, refreshes=validation.refreshes + 1)
