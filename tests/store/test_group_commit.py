"""Changes that wait at the same time share a transaction, and keep each other from nothing."""

import subprocess
import sys
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

import pytest
from sqlalchemy import event, text

from portal.domain.errors import LostClaim, StoreUnavailable, UnknownOnboarding
from portal.domain.stage import Stage
from portal.services.change_history import Action, Actor, HistoryEntry
from portal.services.meter import NoMeter
from portal.services.notification import UPDATED, Notice
from portal.services.request_ids import current_request_id, part_of_request
from portal.store import group_commit
from portal.store.encryption import ColumnCipher
from portal.store.history import History
from portal.store.locked_onboarding import Consequences
from portal.store.repository import Repository
from portal.store.sealed_values import SealedValues
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
        self.let_go()

    def let_go(self):
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


@pytest.fixture
def locked_elsewhere(engine):
    """Locks the row of an onboarding, until the context ends or the connection that it gives is rolled back."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite locks no rows")

    @contextmanager
    def locked_elsewhere(onboarding_id):
        with engine.connect() as other:
            other.execute(text("SELECT id FROM onboardings WHERE id = :id FOR UPDATE"), {"id": onboarding_id})
            yield other

    return locked_elsewhere


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


def test_whoever_is_locked_elsewhere_keeps_nobody_waiting(repository, together, locked_elsewhere):
    ids = [repository.add(an_onboarding()).id for _ in range(2)]
    with locked_elsewhere(ids[0]) as other:
        with together:
            locked, free = (repository.change(it, due_later) for it in ids)
        assert free.result(PATIENCE) == ids[1]
        assert not locked.done()
        other.rollback()
    assert locked.result(PATIENCE) == ids[0]


def test_a_row_that_stays_locked_takes_one_thread(repository, together, locked_elsewhere):
    ids = [repository.add(an_onboarding()).id for _ in range(3)]
    with locked_elsewhere(ids[0]) as other:
        with together:
            locked = [repository.change(ids[0], due_later) for _ in range(20)]
            refused = repository.change(ids[1], lose)
        with pytest.raises(LostClaim):
            refused.result(PATIENCE)
        assert repository.change(ids[2], due_later).result(PATIENCE) == ids[2]
        assert not any(it.done() for it in locked)
        other.rollback()
    assert {it.result(PATIENCE) for it in locked} == {ids[0]}
    assert repository._group_commit._lone == {}


def lose(_row):
    raise LostClaim


def test_a_change_that_is_refused_before_it_writes_has_no_other_made_again(repository, together):
    ids = [repository.add(an_onboarding()).id for _ in range(3)]
    made = []

    def note(row):
        made.append(due_later(row))

    with together:
        results = [repository.change(it, change) for it, change in zip(ids, (note, lose, note), strict=True)]
    for result in (results[0], results[2]):
        result.result(PATIENCE)
    with pytest.raises(LostClaim):
        results[1].result(PATIENCE)
    assert made == [ids[0], ids[2]]


def test_what_fails_after_the_commit_has_nothing_made_again(engine, cipher, caplog):
    class Full(NoMeter):
        def count(self, *_, **__):
            raise OSError("no space left on device")

    def fail():
        raise OSError("no space left on device")

    consequences = Consequences(
        notify_of=lambda _before, _after: [Notice(type=UPDATED, payload="{}", at=NOW)],
        on_notification=fail,
        record_of=moved,
    )
    repository = Repository(engine, cipher, consequences, meter=Full())
    ids = [repository.add(an_onboarding(partner="shop")).id for _ in range(3)]

    def one_more(row):
        row.save(replace(row.onboarding, failures=row.onboarding.failures + 1))
        return "made"

    with Together(repository):
        results = [repository.change(it, one_more) for it in ids]
    assert [it.result(PATIENCE) for it in results] == ["made"] * 3
    assert [repository.get(it).failures for it in ids] == [1, 1, 1]
    assert "what follows from a change failed" in caplog.text
    assert f"onboarding {ids[0]}: its change of stage was not counted" in caplog.text


def test_without_a_thread_for_one_it_fails_and_the_next_is_made(repository, together, locked_elsewhere, monkeypatch):
    ids = [repository.add(an_onboarding()).id for _ in range(2)]

    def refuse(*_):
        raise RuntimeError("can't start new thread")

    with locked_elsewhere(ids[0]) as other:
        with together, monkeypatch.context() as without_threads:
            without_threads.setattr(repository._group_commit._other_threads, "submit", refuse)
            locked = [repository.change(ids[0], due_later) for _ in range(2)]
            together.let_go()
            for result in locked:
                with pytest.raises(RuntimeError):
                    result.result(PATIENCE)
        other.rollback()
    assert [repository.change(it, due_later).result(PATIENCE) for it in ids] == ids


def test_two_changes_of_an_onboarding_are_each_of_their_request(repository, together):
    added = repository.add(an_onboarding())
    with together:
        for request_id in ("first", "second", "first"):
            with part_of_request(request_id):
                result = repository.change(added.id, due_later)
    result.result(PATIENCE)
    assert repository.get(added.id).request_id == "first"


def test_sealing_anew_and_changes_do_not_wait_for_one_another(repository, engine):
    """On PostgreSQL they would, if one of the two did not lock the onboardings first."""
    ids = [
        repository.add(an_onboarding(validation=an_adopted_validation(session_url="https://p.example/1"))).id
        for _ in range(60)
    ]
    rekeyed = SealedValues(engine, ColumnCipher(["another secret", "a secret for tests"]))
    is_over, failed = Event(), []

    def change_all():
        while not is_over.is_set():
            for result in [repository.change(it, look_again) for it in ids[::-1]]:
                try:
                    result.result(PATIENCE)
                except StoreUnavailable as error:
                    failed.append(error)

    def look_again(row):
        validation = row.onboarding.validation
        row.save(replace(row.onboarding, validation=replace(validation, refreshes=validation.refreshes + 1)))

    threads = [Thread(target=change_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        seen = [slice_ for _ in range(3) for slice_ in rekeyed.rekey()]
    finally:
        is_over.set()
        for thread in threads:
            thread.join(PATIENCE)
    assert sum(it.resealed for it in seen) >= len(ids)
    assert failed == []


def test_while_the_database_is_away_all_are_told_at_once(repository, together, engine, monkeypatch):
    ids = [repository.add(an_onboarding()).id for _ in range(3)]
    asked = []

    def is_away(_self):
        asked.append(1)
        raise StoreUnavailable("away")

    monkeypatch.setattr(group_commit, "_MOST", 2)
    with together:
        results = [repository.change(it, due_later) for it in ids]
        monkeypatch.setattr("portal.store.row_locks.RowLocks.writing", is_away)
    for result in results:
        with pytest.raises(StoreUnavailable):
            result.result(PATIENCE)
    assert len(asked) == 1


def test_no_more_wait_than_can_be_made_in_time(repository, together, monkeypatch):
    added = repository.add(an_onboarding())
    monkeypatch.setattr(group_commit, "_MOST_WAITING", 2)
    with together:
        waiting = [repository.change(added.id, due_later) for _ in range(2)]
        with pytest.raises(StoreUnavailable, match="too many"):
            repository.change(added.id, due_later)
    assert [it.result(PATIENCE) for it in waiting] == [added.id] * 2


def test_a_process_that_ends_waits_for_nobody():
    code = """
import time
from threading import Thread
from portal.store.group_commit import GroupCommit, RowChange

def together(changes):
    time.sleep(0.5)  # meanwhile the interpreter begins to end
    return changes

changes = GroupCommit(together, print)

def wait():
    try:
        changes.submit(RowChange(onboarding_id="one", make=print)).result()
    except RuntimeError as error:
        print("told", error)

Thread(target=wait).start()
time.sleep(0.2)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert ended.stdout.startswith("told cannot schedule new futures")


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
