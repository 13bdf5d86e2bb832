"""How the threads of a process share a transaction of SQLite."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from portal.domain.errors import StoreUnavailable
from portal.store import write_turn
from portal.store.database import WRITE_TURN, make_engine
from portal.store.transactions import Transactions

PATIENCE = 10.0


class Notes:
    """A table that threads write to."""

    def __init__(self, path):
        self.path = path
        self.engine = make_engine(f"sqlite:///{path}", lock_timeout=PATIENCE)
        self.commits = []
        with self.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE notes (text TEXT NOT NULL UNIQUE)")
        event.listen(self.engine, "commit", self.commits.append)

    def writing(self):
        return Transactions(self.engine).writing()

    def add(self, text):
        with self.writing() as connection:
            add(connection, text)

    def kept(self):
        with closing(sqlite3.connect(self.path)) as other:
            return [text for (text,) in other.execute("SELECT text FROM notes ORDER BY rowid")]

    def wait_for(self, waiting):
        turn = self.engine.get_execution_options()[WRITE_TURN]
        deadline = time.monotonic() + PATIENCE
        while len(turn._waiting) < waiting:
            assert time.monotonic() < deadline
            time.sleep(0.001)


def add(connection, text):
    connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (text,))


@pytest.fixture
def notes(tmp_path, monkeypatch):
    monkeypatch.setattr(write_turn, "_LONGEST_SHARED", PATIENCE)
    notes = Notes(tmp_path / "notes.db")
    yield notes
    notes.engine.dispose()


@pytest.fixture
def threads():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def one_after_another(notes, threads, works):
    """Starts each work in a thread of its own, when the one before waits."""
    started = []
    for number, work in enumerate(works, 1):
        started.append(threads.submit(work))
        notes.wait_for(number)
    return started


def failing(notes, text):
    with notes.writing() as connection:
        add(connection, text)
        raise ZeroDivisionError


def test_those_who_wait_share_one_commit_in_their_order(notes, threads):
    texts = [f"note {number}" for number in range(6)]
    with notes.writing() as connection:
        add(connection, "first")
        added = one_after_another(notes, threads, [lambda text=text: notes.add(text) for text in texts])
    for one in added:
        one.result(PATIENCE)
    assert notes.kept() == ["first", *texts]
    assert len(notes.commits) == 1


def test_whoever_wrote_goes_on_only_when_it_is_kept(notes, threads):
    with notes.writing() as connection:
        add(connection, "first")
        (waiting,) = one_after_another(notes, threads, [lambda: notes.add("second")])
        assert (waiting.done(), notes.kept()) == (False, [])
    assert notes.kept() == ["first", "second"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_fails_takes_nothing_of_the_others_away(notes, threads, place):
    works = [lambda: notes.add("second"), lambda: notes.add("third")]
    works.insert(place, lambda: failing(notes, "never"))
    with notes.writing() as connection:
        add(connection, "first")
        done = one_after_another(notes, threads, works)
    with pytest.raises(ZeroDivisionError):
        done[place].result(PATIENCE)
    assert [it.exception(PATIENCE) for number, it in enumerate(done) if number != place] == [None, None]
    assert notes.kept() == ["first", "second", "third"]


def test_the_first_that_fails_leaves_the_turn_to_the_next(notes, threads):
    with pytest.raises(ZeroDivisionError), notes.writing() as connection:
        add(connection, "never")
        (waiting,) = one_after_another(notes, threads, [lambda: notes.add("second")])
        raise ZeroDivisionError
    waiting.result(PATIENCE)
    assert notes.kept() == ["second"]


def test_an_error_of_a_statement_is_the_writers_own(notes, threads):
    with notes.writing() as connection:
        add(connection, "first")
        doubled, other = one_after_another(notes, threads, [lambda: notes.add("first"), lambda: notes.add("second")])
    assert isinstance(doubled.exception(PATIENCE), StoreUnavailable)
    other.result(PATIENCE)
    assert notes.kept() == ["first", "second"]


def test_a_commit_that_fails_is_told_to_all_and_the_next_begins_anew(notes, threads):
    def fail(_connection):
        event.remove(notes.engine, "commit", fail)
        raise OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

    event.listen(notes.engine, "commit", fail)
    with pytest.raises(StoreUnavailable), notes.writing() as connection:
        add(connection, "first")
        done = one_after_another(notes, threads, [lambda: notes.add("second"), lambda: notes.add("third")])
    assert all(isinstance(it.exception(PATIENCE), StoreUnavailable) for it in done)
    notes.add("later")
    assert notes.kept() == ["later"]


@pytest.mark.parametrize("is_noticed", [True, False])
@pytest.mark.parametrize("undo", [lambda it: it.exec_driver_sql("ROLLBACK"), lambda it: it.invalidate()])
def test_a_transaction_that_is_lost_is_told_to_all(notes, threads, undo, is_noticed):
    """As on a full or broken disk, whether or not the one who wrote then saw the error."""

    def lose():
        with notes.writing() as connection:
            add(connection, "never")
            undo(connection)
            if is_noticed:
                raise OperationalError("INSERT", None, sqlite3.OperationalError("database or disk is full"))

    with pytest.raises(StoreUnavailable), notes.writing() as connection:
        add(connection, "first")
        (lost,) = one_after_another(notes, threads, [lose])
    assert isinstance(lost.exception(PATIENCE), StoreUnavailable)
    notes.add("later")
    assert notes.kept() == ["later"]


def test_other_processes_get_a_turn_though_threads_of_this_one_wait(notes, threads, monkeypatch):
    monkeypatch.setattr(write_turn, "_LONGEST_SHARED", 0)
    with notes.writing() as connection:
        add(connection, "first")
        done = one_after_another(notes, threads, [lambda: notes.add("second"), lambda: notes.add("third")])
    for one in done:
        one.result(PATIENCE)
    assert len(notes.commits) == 3
