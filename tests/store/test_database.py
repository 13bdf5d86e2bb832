import multiprocessing
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from portal.domain.errors import StoreUnavailable
from portal.store import database
from portal.store.database import (
    LOCK_TIMEOUT,
    Schema,
    alembic_config,
    make_engine,
    migrate,
    migration,
    schema_of,
    writes,
)
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from portal.store.tables import metadata
from tests.factories import a_validation, an_onboarding

SCRIPTS = ScriptDirectory.from_config(alembic_config())
BEFORE_A_COLUMN = "0015"
"""The migration behind it adds a column to `onboardings`."""
COLUMN_FACTS = ("type", "nullable", "default")


def test_migrations_build_what_the_tables_say(engine):
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrations_build_the_same_checks_and_keys(engine):
    migrated = constraints(engine)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    assert constraints(engine) == migrated


def test_schema_is_current_only_after_migrating(database_url):
    engine = make_engine(database_url)
    assert schema_of(engine) is Schema.BEHIND
    migrate(engine)
    migrate(engine)
    assert schema_of(engine) is Schema.CURRENT
    engine.dispose()


def test_migrations_are_read_as_alembic_reads_them():
    assert database._migrations() == {it.revision: it.down_revision for it in SCRIPTS.walk_revisions()}


def test_the_schema_of_a_newer_release_is_left_as_it_is(engine):
    newer = text("UPDATE alembic_version SET version_num = 'of next year'")
    with engine.begin() as connection:
        connection.execute(newer)
    migrate(engine)
    assert schema_of(engine) is Schema.AHEAD


@pytest.mark.long
def test_each_migration_leaves_the_release_before_it_working(database_url):
    engine, revisions = make_engine(database_url), list(SCRIPTS.walk_revisions())[::-1]
    shapes = []
    for revision in revisions:
        with migration(engine) as connection:
            command.upgrade(alembic_config(connection), revision.revision)
        shapes.append((columns(engine), constraints(engine)))
    for (old_columns, old_rules), (new_columns, new_rules) in pairwise(shapes):
        for table, kept in old_columns.items():
            assert kept.keys() <= new_columns[table].keys()
            for name, old in kept.items():
                new = new_columns[table][name]
                # A default that is new gives the release before it what it does not write.
                assert old | {"default": old["default"] or new["default"]} == new
            added = [column for name, column in new_columns[table].items() if name not in kept]
            assert all(column["nullable"] or column["default"] for column in added)
            assert new_rules[table][0] == old_rules[table][0]
    engine.dispose()


@pytest.mark.long
def test_processes_that_migrate_at_once_all_succeed(database_url):
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(3)
    processes = [spawn.Process(target=migrate_together, args=(database_url, start)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0, 0]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_migration_beside_a_long_transaction_holds_nobody_up(database_url):
    engine = make_engine(database_url)
    with migration(engine) as connection:
        command.upgrade(alembic_config(connection), BEFORE_A_COLUMN)
    waits, slowest = [], 0.0
    with ThreadPoolExecutor(1) as threads, engine.begin() as long_transaction:
        long_transaction.execute(text("SELECT count(*) FROM onboardings"))
        migrating = threads.submit(migrate, engine, on_wait=waits.append)
        while not waits:
            began = time.monotonic()
            with engine.connect() as other:
                other.execute(text("SELECT count(*) FROM onboardings"))
            slowest = max(slowest, time.monotonic() - began)
        assert not migrating.done()
        long_transaction.commit()
        migrating.result(timeout=60)
    assert slowest < LOCK_TIMEOUT + 1
    assert schema_of(engine) is Schema.CURRENT
    engine.dispose()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_indexes_may_be_made_beforehand_as_the_guide_says(database_url):
    guide = Path("docs/operating.md").read_text("utf-8").partition("Migrations 0032 and 0037")[2]
    statements = guide.partition("```sql")[2].partition("```")[0].split(";\n")
    engine = make_engine(database_url)
    with migration(engine) as connection:
        command.upgrade(alembic_config(connection), "0030")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in filter(str.strip, statements):
            connection.execute(text(statement))
    made = [it["name"] for table in ("history", "onboardings") for it in inspect(engine).get_indexes(table)]
    assert {"ix_history_waits", "ix_onboardings_erasure_asked_at"} < set(made)
    migrate(engine)
    migrated = constraints(engine)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    assert constraints(engine) == migrated
    engine.dispose()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_migration_gives_up_in_the_end(database_url):
    engine = make_engine(database_url)
    with migration(engine) as connection:
        command.upgrade(alembic_config(connection), BEFORE_A_COLUMN)
    with engine.begin() as long_transaction:
        long_transaction.execute(text("SELECT count(*) FROM onboardings"))
        with pytest.raises(StoreUnavailable, match=r"SQLSTATE 55P03 .*: another transaction holds a lock"):
            migrate(engine, patience=0)
    engine.dispose()


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(database_url, cipher):
    engine = make_engine(database_url)  # of its own, because it stays changed
    migrate(engine)
    repository = Repository(engine, cipher)
    kept = repository.add(an_onboarding(validation=a_validation()))
    recreate = "always" if engine.dialect.name == "sqlite" else "never"
    with migration(engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("onboardings", recreate=recreate) as batch:
            batch.alter_column("locale", nullable=True)
    assert repository.get(kept.id) == kept
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(database_url):
    engine = make_engine(database_url)
    with pytest.raises(StoreUnavailable), migration(engine) as connection:
        connection.execute(text("CREATE TABLE half (id INTEGER)"))
        connection.execute(text("nonsense"))
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_sqlite_keeps_commits_through_a_power_cut(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    with engine.connect() as connection:
        pragmas = [
            connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    engine.dispose()
    assert pragmas == ["wal", 2, 1]


def test_second_engine_of_a_process_leaves_the_locks_of_the_first(tmp_path):
    path = tmp_path / "portal.db"
    engine = make_engine(f"sqlite:///{path}")
    with writes(engine).begin() as connection:
        connection.execute(text("CREATE TABLE kept (written INTEGER)"))
    make_engine(f"sqlite:///{path}").dispose()
    look = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM kept').fetchall()"
    subprocess.run([sys.executable, "-c", look, path], check=True)
    # Whoever closes the file and finds nobody else's lock deletes the log that others still write to.
    assert path.with_name("portal.db-wal").exists()
    with writes(engine).begin() as connection:
        connection.execute(text("INSERT INTO kept VALUES (1)"))
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT written FROM kept").fetchall() == [(1,)]
    other.close()
    engine.dispose()


def test_whoever_needs_one_connection_after_another_gets_the_same(engine):
    """What it has prepared is used again, and the others of the pool need not prepare it as well."""

    def used() -> set[object]:
        with engine.connect() as connection:
            return {connection.connection.dbapi_connection}

    with engine.connect(), engine.connect(), engine.connect():
        pass
    assert len(set.union(*(used() for _ in range(5)))) == 1


@pytest.mark.long
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_sqlite_locked_by_another_gives_up_in_time(tmp_path, journal):
    path = tmp_path / "portal.db"
    engine = make_engine(f"sqlite:///{path}", lock_timeout=0.2)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute(f"PRAGMA journal_mode={journal}")
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        migrate(engine)
    assert 0.15 < time.monotonic() - began < 3
    other.close()
    engine.dispose()


def test_connection_opened_while_the_file_was_read_only_is_not_kept(tmp_path, cipher):
    engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    migrate(engine)
    repository = Repository(engine, cipher)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreUnavailable):
        repository.add(an_onboarding())
    repository.add(an_onboarding())
    engine.dispose()


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(StoreUnavailable, match="not/there"):
        make_engine(f"sqlite:///{tmp_path}/not/there/portal.db")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/name", "postgresql://host/name"])
def test_other_databases_are_refused(url):
    with pytest.raises(ValueError, match="sqlite:"):
        make_engine(url)


def test_no_server_is_store_unavailable():
    engine = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable):
        schema_of(engine)


def columns(engine):
    found = inspect(engine)
    return {
        table: {
            column["name"]: {key: str(column[key]) if key == "type" else column[key] for key in COLUMN_FACTS}
            for column in found.get_columns(table)
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def constraints(engine):
    found = inspect(engine)
    return {
        table: [
            sorted(map(str, found.get_check_constraints(table))),
            sorted(map(str, found.get_foreign_keys(table))),
            sorted(map(index_facts, found.get_indexes(table))),
            str(found.get_pk_constraint(table)),
        ]
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def index_facts(index):
    """The condition of a partial index has no text of its own."""
    return str(index | {"dialect_options": {name: str(it) for name, it in index.get("dialect_options", {}).items()}})


def migrate_together(database_url, start):
    engine = make_engine(database_url)
    start.wait(timeout=30)
    migrate(engine)
    assert schema_of(engine) is Schema.CURRENT


def test_customers_approved_before_are_watched_after_the_upgrade(database_url):
    engine = make_engine(database_url)
    with migration(engine) as connection:
        command.upgrade(alembic_config(connection), "0011")
    stored = {"c-1": "approved", "c-2": "rejected", None: "approved"}
    with engine.begin() as connection:
        for number, (customer, status) in enumerate(stored.items()):
            connection.execute(
                text(
                    "INSERT INTO onboardings (id, locale, partner, external_id, current_validation, failures, fence,"
                    " created_at, updated_at) VALUES (:id, 'en', 'shop', :customer, 1, 0, 1, :at, :at)"
                ),
                {"id": f"o-{number}", "customer": customer, "at": "2026-03-02 12:00:00+00:00"},
            )
            connection.execute(
                text(
                    "INSERT INTO validations (onboarding_id, number, nonce, sending, sends, empty_looks, status,"
                    " double_check, identity_match, refreshes, created_at)"
                    " VALUES (:id, 1, :id, 'adopted', 1, 0, :status, 'answered', 'match', 0, :at)"
                ),
                {"id": f"o-{number}", "status": status, "at": "2026-03-02 12:00:00+00:00"},
            )
    migrate(engine)
    store = Repository(engine, ColumnCipher(["a secret for tests"]))
    now = datetime.now(UTC) + timedelta(minutes=1)
    store.start_verification_checks(now, limit=10)
    assert [it.id for it in store.claim(now=now, lease_until=now + timedelta(seconds=30), limit=10)] == ["o-0"]
    engine.dispose()
