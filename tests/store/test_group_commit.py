"""Changes that wait at the same time share a transaction, and keep each other from nothing."""

from concurrent.futures import CancelledError
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

import pytest
from sqlalchemy import event, text

from portal.domain.errors import StoreUnavailable, UnknownOnboarding
from portal.domain.stage import Stage
from portal.services.change_history import Action, Actor, HistoryEntry
from portal.services.notification import UPDATED, Notice
from portal.services.request_ids import current_request_id, part_of_request
from portal.store.history import History
from portal.store.locked_onboarding import Consequences
from portal.store.repository import Repository
from tests.factories import NOW, an_adopted_validation, an_onboarding

PATIENCE = 20.0
LATER = NOW + timedelta(minutes=5)


class Together:
    """Changes that are submitted while another one is under way, and so wait together."""

    def __init__(self, repository):
        self.repository = repository
        self._first = repository.add(an_onboarding(id="first"))

    def __enter__(self):
        self._begun, self._over = Event(), Event()

        def wait(_row):
            self._begun.set()
            assert self._over.wait(PATIENCE)

        self._waiting = self.repository.change(self._first.id, wait)
        assert self._begun.wait(PATIENCE)
        return self

    def __exit__(self, *_):
        self._over.set()
        self._waiting.result(PATIENCE)


@pytest.fixture
def together(repository):
    return Together(repository)


@pytest.fixture
def at_commit(engine):
    """What is called right before each commit."""
    listeners = []

    def tell(_connection):
        for listener in listeners:
            listener()

    event.listen(engine, "commit", tell)
    yield listeners
    event.remove(engine, "commit", tell)


def due_later(row):
    row.save(replace(row.onboarding, due_at=LATER))
    return row.onboarding.id


def test_those_that_wait_share_a_commit(repository, together, at_commit):
    ids = [repository.add(an_onboarding()).id for _ in range(5)]
    commits = []
    at_commit.append(lambda: commits.append(1))
    with together:
        results = [repository.change(it, due_later) for it in ids]
    assert [it.result(PATIENCE) for it in results] == ids
    assert {repository.get(it).due_at for it in ids} == {LATER}
    assert len(commits) == 2


def test_nothing_is_said_before_it_is_kept(repository, together, at_commit):
    added = repository.add(an_onboarding())
    said = []
    with together:
        result = repository.change(added.id, due_later)
        at_commit.append(lambda: said.append(result.done()))
    result.result(PATIENCE)
    assert said == [False, False]


def test_one_that_fails_takes_nothing_of_the_others(repository, together):
    ids = [repository.add(an_onboarding()).id for _ in range(3)]

    def fail(row):
        row.save(replace(row.onboarding, due_at=LATER))
        raise KeyError("a fault of ours")

    with together:
        good, bad = repository.change(ids[0], due_later), repository.change(ids[1], fail)
        other = repository.change(ids[2], due_later)
    with pytest.raises(KeyError, match="a fault of ours"):
        bad.result(PATIENCE)
    assert [good.result(PATIENCE), other.result(PATIENCE)] == [ids[0], ids[2]]
    assert [repository.get(it).due_at for it in ids] == [LATER, NOW, LATER]


def test_one_that_the_database_refuses_takes_nothing_of_the_others(repository, together):
    taken = an_adopted_validation(gu1_id="taken")
    repository.add(an_onboarding(validation=taken))
    ids = [repository.add(an_onboarding()).id for _ in range(3)]

    def take(row):
        row.save(replace(row.onboarding, validation=an_adopted_validation(gu1_id="taken")))

    with together:
        results = [repository.change(it, change) for it, change in zip(ids, (due_later, take, due_later), strict=True)]
    with pytest.raises(StoreUnavailable):
        results[1].result(PATIENCE)
    assert [results[0].result(PATIENCE), results[2].result(PATIENCE)] == [ids[0], ids[2]]
    assert [repository.get(it).due_at for it in ids] == [LATER, NOW, LATER]


def test_changes_of_the_same_onboarding_follow_one_another(repository, together):
    added = repository.add(an_onboarding(failures=0))

    def one_more(row):
        row.save(replace(row.onboarding, failures=row.onboarding.failures + 1, stall_reason=None))
        return row.onboarding.failures

    with together:
        results = [repository.change(added.id, one_more) for _ in range(4)]
    assert [it.result(PATIENCE) for it in results] == [1, 2, 3, 4]
    assert repository.get(added.id).failures == 4


def test_by_a_validation_and_by_its_onboarding_it_is_the_same_one(repository, together):
    added = repository.add(an_onboarding(validation=an_adopted_validation(gu1_id="v")))

    def one_more(row):
        row.save(replace(row.onboarding, failures=row.onboarding.failures + 1))
        return row.onboarding.failures

    with together:
        results = [repository.change_by_validation("v", one_more), repository.change(added.id, one_more)]
        nobodys = repository.change_by_validation("nobody's", one_more)
    assert [it.result(PATIENCE) for it in results] == [1, 2]
    assert nobodys.result(PATIENCE) is None


def test_an_unknown_one_is_unknown(repository, together):
    added = repository.add(an_onboarding())
    with together:
        unknown, known = repository.change("nobody", due_later), repository.change(added.id, due_later)
    with pytest.raises(UnknownOnboarding):
        unknown.result(PATIENCE)
    assert known.result(PATIENCE) == added.id


def test_one_that_was_given_up_is_not_made(repository, together):
    ids = [repository.add(an_onboarding()).id for _ in range(2)]
    with together:
        given_up, kept = (repository.change(it, due_later) for it in ids)
        assert given_up.cancel()
    assert kept.result(PATIENCE) == ids[1]
    with pytest.raises(CancelledError):
        given_up.result(PATIENCE)
    assert repository.get(ids[0]).due_at == NOW


def test_each_is_made_for_its_own_request(repository, together):
    ids = [repository.add(an_onboarding()).id for _ in range(2)]

    def request_id(row):
        row.save(replace(row.onboarding, due_at=LATER))
        return current_request_id()

    results = []
    with together:
        for number, it in enumerate(ids):
            with part_of_request(f"request-{number}"):
                results.append(repository.change(it, request_id))
    assert [it.result(PATIENCE) for it in results] == ["request-0", "request-1"]
    assert [repository.get(it).request_id for it in ids] == ["request-0", "request-1"]


def test_whoever_is_locked_elsewhere_keeps_nobody_waiting(repository, together, engine):
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite locks no rows")
    ids = [repository.add(an_onboarding()).id for _ in range(2)]
    with engine.connect() as other:
        other.execute(text("SELECT id FROM onboardings WHERE id = :id FOR UPDATE"), {"id": ids[0]})
        with together:
            locked, free = (repository.change(it, due_later) for it in ids)
        assert free.result(PATIENCE) == ids[1]
        assert not locked.done()
        other.rollback()
    assert locked.result(PATIENCE) == ids[0]


def test_while_the_database_is_away_all_are_told_at_once(repository, together, engine, monkeypatch):
    ids = [repository.add(an_onboarding()).id for _ in range(3)]
    asked = []

    def is_away(_self):
        asked.append(1)
        raise StoreUnavailable("away")

    with together:
        results = [repository.change(it, due_later) for it in ids]
        monkeypatch.setattr("portal.store.row_locks.RowLocks.writing", is_away)
    for result in results:
        with pytest.raises(StoreUnavailable):
            result.result(PATIENCE)
    assert len(asked) == 1


def test_many_threads_at_once(repository):
    ids = [repository.add(an_onboarding()).id for _ in range(40)]
    threads = [Thread(target=lambda it=it: repository.change(it, due_later).result(PATIENCE)) for it in ids * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert {repository.get(it).due_at for it in ids} == {LATER}


def moved(before, after, _cause):
    """A history that tells of each change of `failures` as of a stage."""
    if before is None or before.failures == after.failures:
        return None
    stages = [Stage.PREPARING, Stage.READY, Stage.IN_REVIEW]
    at = NOW + timedelta(minutes=after.failures)
    names = {"old_stage": stages[before.failures], "new_stage": stages[after.failures], "new_status": "pending"}
    return HistoryEntry(at=at, actor=Actor.RULE, action=Action.CHANGED, attempt=1, **names)


def test_what_follows_from_each_is_written_for_each(engine, cipher):
    woken = []
    consequences = Consequences(
        notify_of=lambda before, after: [Notice(type=UPDATED, payload="{}", at=NOW)] if before != after else [],
        on_notification=lambda: woken.append("notification"),
        record_of=moved,
    )
    repository = Repository(engine, cipher, consequences)
    ids = [repository.add(an_onboarding(partner="shop")).id for _ in range(3)]

    def one_more(row):
        row.save(replace(row.onboarding, failures=row.onboarding.failures + 1))

    with Together(repository):
        results = [repository.change(it, one_more) for it in ids * 2]
    for result in results:
        result.result(PATIENCE)
    for it in ids:
        entries = History(engine).newest_entries(it, limit=9)
        assert [(entry.old_stage, entry.new_stage) for entry in entries] == [
            (Stage.PREPARING, Stage.READY),
            (Stage.READY, Stage.IN_REVIEW),
        ]
    with engine.connect() as connection:
        waits = connection.scalars(text("SELECT waited_seconds FROM history ORDER BY id")).all()
        sequences = connection.scalars(text("SELECT sequence FROM events WHERE onboarding_id = :id"), {"id": ids[0]})
        assert sorted(sequences) == [1, 2]
    assert len(waits) == 6
    assert woken == ["notification"]
