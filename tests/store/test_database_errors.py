"""What somebody on call reads of a database that fails: which error, where, and what to do."""

import logging
import sqlite3

import psycopg
import pytest
from sqlalchemy import make_url, text

from portal.domain.errors import StoreUnavailable
from portal.store.database import make_engine, migrate, schema_of
from portal.store.database_errors import BETWEEN_LINES, LineLimit, described, store_errors
from portal.store.transactions import Transactions
from tests.databases import clear
from tests.ports import free_port

PASSWORD = "pw-7Kd2mQx9vTzW4c"
URL = make_url(f"postgresql+psycopg://portal:{PASSWORD}@db.example:6432/kyc?application_name={PASSWORD}")


def failure(url, statement="SELECT 1"):
    engine = make_engine(str(url))
    try:
        with pytest.raises(StoreUnavailable) as failed, Transactions(engine).writing() as connection:
            connection.execute(text(statement))
        assert PASSWORD not in str(failed.value)
        return str(failed.value)
    finally:
        engine.dispose()


@pytest.fixture
def postgresql(postgres_database):
    """The address of an empty database, changed as asked."""
    clear(postgres_database)
    return lambda **changes: postgres_database.set(**changes).render_as_string(hide_password=False)


@pytest.mark.postgresql
def test_server_that_does_not_answer():
    port = free_port()
    told = failure(f"postgresql+psycopg://portal:{PASSWORD}@127.0.0.1:{port}/kyc")
    assert told.startswith("the database failed: SQLSTATE 08001 (OperationalError)")
    assert f"host 127.0.0.1:{port}, database kyc, role portal: the server does not answer" in told


@pytest.mark.postgresql
def test_database_that_does_not_exist(postgresql):
    told = failure(postgresql(database="no_such_kyc"))
    assert "SQLSTATE 3D000" in told and "CREATE DATABASE no_such_kyc OWNER " in told


@pytest.mark.postgresql
def test_role_that_does_not_exist(postgresql):
    told = failure(postgresql(username="nobody_here", password=PASSWORD))
    assert "SQLSTATE 28000" in told and "role nobody_here" in told and "pg_hba.conf" in told


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("statement", "state", "advice"),
    [
        ("SELECT * FROM onboardings", "42P01 (UndefinedTable)", "run portal migrate"),
        (f"SELECT 1/0 -- {PASSWORD}", "22012 (DivisionByZero)", "this is a bug"),
        ("SET statement_timeout = 1; SELECT pg_sleep(1)", "57014 (QueryCanceled)", "pg_stat_activity"),
        ("SET TRANSACTION READ ONLY; CREATE TABLE x (y int)", "25006 (ReadOnlySqlTransaction)", "the primary"),
        ("SET ROLE pg_monitor; SELECT pg_reload_conf()", "42501 (InsufficientPrivilege)", "ALTER DATABASE"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "57P01 (AdminShutdown)", "connects again by itself"),
    ],
)
def test_statement_that_fails(postgresql, statement, state, advice):
    told = failure(postgresql(), statement)
    assert f"SQLSTATE {state} at host " in told and advice in told


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ('FATAL:  password authentication failed for user "portal"', "28P01"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "portal"', "28000"),
        ('FATAL:  database "kyc" does not exist', "3D000"),
        ("FATAL:  sorry, too many clients already", "53300"),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", "53300"),
        ("FATAL:  the database system is starting up", "57P03"),
        ("server closed the connection unexpectedly", "08006"),
        ("connection timeout expired", "08001"),
        ("could not translate host name", "08001"),
    ],
)
def test_server_that_refuses_the_connection_says_why_in_words_only(said, state):
    told = described(psycopg.OperationalError(f"connection failed: {said} {PASSWORD}"), URL)
    assert told.startswith(f"SQLSTATE {state} (OperationalError) at host db.example:6432, database kyc, role portal: ")
    assert PASSWORD not in told


def test_sqlite_file_without_the_tables(tmp_path):
    told = failure(f"sqlite:///{tmp_path}/portal.db", "SELECT * FROM onboardings")
    assert told == (
        "the database failed: SQLITE_ERROR (no such table or column) at"
        f" file {tmp_path}/portal.db: the database lacks what this release needs: run portal migrate"
    )


def test_sqlite_file_that_another_program_keeps_locked(tmp_path):
    path = tmp_path / "portal.db"
    engine = make_engine(f"sqlite:///{path}", lock_timeout=0.01)
    migrate(engine)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        busy = pytest.raises(StoreUnavailable, match=r"SQLITE_BUSY at file .*portal\.db: another program holds")
        with busy, Transactions(engine).writing():
            pass
    engine.dispose()


def test_sqlite_file_that_is_none(tmp_path):
    (tmp_path / "portal.db").write_text("no database, but longer than a header of one hundred bytes\n" * 9)
    assert "SQLITE_NOTADB" in failure(f"sqlite:///{tmp_path}/portal.db")


def test_sqlite_disk_that_is_full(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path}/portal.db", pool_size=1)
    full = pytest.raises(StoreUnavailable, match=r"SQLITE_FULL .*: the disk is full")
    with full, Transactions(engine).writing() as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))
        for number in range(99):
            connection.execute(text(f"CREATE TABLE t{number} (it TEXT)"))
    engine.dispose()


def test_sqlite_file_that_may_not_be_written(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path}/portal.db")
    with pytest.raises(StoreUnavailable, match="SQLITE_READONLY"), Transactions(engine).writing() as connection:
        connection.execute(text("PRAGMA query_only = 1"))
        connection.execute(text("CREATE TABLE x (y int)"))
    engine.dispose()


@pytest.mark.asvs("16.3.4")
def test_outage_is_logged_once_and_not_with_every_request(tmp_path, caplog):
    url = f"sqlite:///{tmp_path}/portal.db"
    for statement in ("SELECT * FROM onboardings", "SELECT * FROM onboardings", "SELECT * FROM", "SELECT * FROM"):
        failure(url, statement)
    assert [it.levelno for it in caplog.records] == [logging.ERROR] * 3  # a bug is logged each time


def test_outage_that_lasts_is_logged_each_minute():
    now = 0.0
    limit = LineLimit(lambda: now)
    assert [limit.passes("down"), limit.passes("down"), limit.passes("full")] == [True, False, True]
    now = BETWEEN_LINES
    assert [limit.passes("down"), limit.passes("down")] == [True, False]


def test_all_connections_of_the_process_in_use(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path}/portal.db", pool_size=1)
    engine.pool._timeout = 0.01
    refused = pytest.raises(StoreUnavailable, match="no connection in time at file")
    with engine.connect(), engine.connect(), refused, store_errors(engine), engine.connect():
        pass
    engine.dispose()


def test_schema_is_not_read_from_what_is_no_database(tmp_path):
    (tmp_path / "portal.db").write_text("x" * 999)
    engine = make_engine(f"sqlite:///{tmp_path}/portal.db")
    with pytest.raises(StoreUnavailable, match="SQLITE_NOTADB"):
        schema_of(engine)
    engine.dispose()
