import time

import pytest
from sqlalchemy import event

from portal.domain.errors import StoreUnavailable, UnknownOnboarding, WouldBlock
from portal.services.ports import PollState
from portal.store import quick_reads
from portal.store.database import make_engine
from portal.store.poll_reader import PollReader
from portal.store.quick_reads import CONNECTIONS, NONBLOCKING_TIMEOUT, QuickReads
from portal.store.row_reader import UnreadableRow
from portal.store.shared_state import SharedState
from tests.databases import on_sqlite
from tests.factories import NOW, an_onboarding

TIMEOUT = 0.4

on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


@pytest.fixture
def reader(engine):
    return PollReader(QuickReads(engine, timeout=TIMEOUT))


@pytest.fixture
def added(repository):
    """One with a value, and one without, in each column that may be empty."""
    full = an_onboarding(partner="shop", watched_at=NOW, erased_at=NOW)
    return [repository.add(it) for it in (full, an_onboarding(due_at=None))]


def test_the_columns_are_read_as_they_were_stored(reader, added):
    for onboarding in added:
        expected = tuple(getattr(onboarding, name) for name in PollState._fields)
        assert [reader.read(onboarding.id) for _ in range(CONNECTIONS + 1)] == [expected] * (CONNECTIONS + 1)
    with pytest.raises(UnknownOnboarding):
        reader.read("unknown")


def test_webhooks_are_read_on_the_same_connections(migrated_url, added):
    engine, opened = make_engine(migrated_url), []
    event.listen(engine, "connect", lambda *_: opened.append(1))
    reads = QuickReads(engine, timeout=TIMEOUT)
    reader, shared_state = PollReader(reads), SharedState(engine, reads)
    shared_state.remember_webhook("aa", NOW)
    for _ in range(2 * CONNECTIONS + 1):
        assert reader.read(added[0].id).id == added[0].id
        assert shared_state.has_webhook("aa")
        assert not shared_state.has_webhook(added[0].id)
    assert len(opened) == CONNECTIONS
    engine.dispose()


def test_connections_that_were_closed_are_opened_again(reader, engine, added):
    for _ in range(2):
        assert reader.read(added[0].id)
        engine.dispose()


@on_postgresql
def test_connections_that_the_server_ended_are_opened_again(reader, engine, added):
    assert [reader.read(added[0].id) for _ in range(CONNECTIONS)]
    with engine.connect() as connection:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) {others}")
    engine.pool.dispose()
    assert [reader.read(added[0].id) for _ in range(CONNECTIONS)]


@on_postgresql
def test_a_database_that_hangs_costs_a_bounded_time_once(reader, engine, added):
    assert reader.read(added[0].id)
    with engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE onboardings IN ACCESS EXCLUSIVE MODE")
        assert TIMEOUT <= seconds_to_fail(reader, added) < TIMEOUT + 1
        assert seconds_to_fail(reader, added) < TIMEOUT / 4
    time.sleep(TIMEOUT / 2)
    assert reader.read(added[0].id)


@on_postgresql
def test_polls_wait_as_long_as_everything_else(migrated_url, engine, added):
    patient = make_engine(migrated_url, pool_timeout=TIMEOUT)
    reader = PollReader(QuickReads(patient))
    assert reader.read(added[0].id)
    with engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE onboardings IN ACCESS EXCLUSIVE MODE")
        assert TIMEOUT <= seconds_to_fail(reader, added) < TIMEOUT + 1
    patient.dispose()


def seconds_to_fail(reader, added):
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        reader.read(added[0].id)
    return time.monotonic() - began


@pytest.mark.asvs("1.4.2")
@pytest.mark.parametrize("moment", ["infinity", "10000-01-01 00:00:00+00"])
@on_postgresql
def test_a_time_that_python_cannot_hold_is_a_row_that_cannot_be_read(reader, engine, added, moment):
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE onboardings SET watched_at = '{moment}'")
    with pytest.raises(UnreadableRow):
        reader.read(added[0].id)


@on_sqlite
@pytest.mark.parametrize("moment", ["'soon'", "7", "x'00'"])
def test_what_is_no_time_is_a_row_that_cannot_be_read(reader, engine, added, moment):
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE onboardings SET watched_at = {moment}")
    with pytest.raises(UnreadableRow):
        reader.read(added[0].id)


def test_a_missing_table_is_an_unavailable_store_until_it_is_back(reader, engine, added):
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE onboardings RENAME TO away")
    with pytest.raises(StoreUnavailable):
        reader.read(added[0].id)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO onboardings")
    assert reader.read(added[0].id)


def test_read_at_once_gives_the_same_where_a_connection_is_open(reader, added, monkeypatch):
    monkeypatch.setattr(quick_reads, "SLOW", 10.0)
    with pytest.raises(WouldBlock):
        reader.read_nonblocking([added[0].id])
    for _ in range(CONNECTIONS):
        reader.read(added[0].id)
    ids = [one.id for one in added]
    assert reader.read_nonblocking([*ids, "unknown"]) == {it: reader.read(it) for it in ids}


@pytest.mark.parametrize("odd", ['"', "a,b", "{", "}", "\\", "\\\\", 'x","y', "NULL", "", "'", "ñ", "%s"])
def test_odd_ids_are_nobodys(reader, added, odd, monkeypatch):
    monkeypatch.setattr(quick_reads, "SLOW", 10.0)
    for _ in range(CONNECTIONS):
        with pytest.raises(UnknownOnboarding):
            reader.read(odd)
    assert list(reader.read_nonblocking([odd, added[0].id])) == [added[0].id]


def test_more_than_one_statement_takes_are_read_by_several(reader, added, monkeypatch):
    monkeypatch.setattr(quick_reads, "SLOW", 10.0)
    monkeypatch.setattr(quick_reads, "MOST_IN_ONE", 1)
    for _ in range(CONNECTIONS):
        reader.read(added[0].id)
    ids = [one.id for one in added]
    assert set(reader.read_nonblocking(ids)) == set(ids)


def test_once_it_was_slow_all_is_left_to_threads(reader, added, monkeypatch):
    monkeypatch.setattr(quick_reads, "MOST_IN_ONE", 1)
    for _ in range(CONNECTIONS):
        reader.read(added[0].id)
    monkeypatch.setattr(quick_reads, "SLOW", -1.0)
    for ids in ([it.id for it in added], [added[0].id]):
        with pytest.raises(WouldBlock):
            reader.read_nonblocking(ids)


@on_postgresql
def test_slow_database_costs_one_short_read_a_second(reader, engine, added):
    for _ in range(CONNECTIONS):
        reader.read(added[0].id)
    with engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE onboardings IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(WouldBlock):
                reader.read_nonblocking([added[0].id])
        assert time.monotonic() - began < 10 * NONBLOCKING_TIMEOUT
    assert reader.read(added[0].id)
