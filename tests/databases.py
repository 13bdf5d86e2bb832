"""Databases for tests, SQLite or PostgreSQL: `database_kind` decides, and everything else follows it."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, Engine
from sqlalchemy.event import listen, remove

from portal.store.database import make_engine, migrate
from portal.store.tables import metadata
from tests.postgres import HOW_TO_GET_ONE, connected, is_to_be_had, new_database, server

DATABASES = ["sqlite", "postgresql"]

on_both_databases = pytest.mark.parametrize("database_kind", DATABASES, indirect=True)
"""For a test of a folder whose others run on SQLite only."""

on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""For what only SQLite can hold: its columns take values of any type."""

# What a test changed of it besides rows; changed tables keep their number, made anew they get another.
_SHAPE = """
    SELECT array(SELECT oid || ' ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY oid)
        || array(SELECT attrelid || ' ' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
                 WHERE relnamespace = 'public'::regnamespace ORDER BY attrelid, attnum)
        || array(SELECT oid::text FROM pg_constraint ORDER BY oid)
        || array(SELECT oid::text FROM pg_trigger ORDER BY oid)
        || array(SELECT version_num::text FROM alembic_version)
"""


class Postgres:
    """One database with the schema, for all tests of a session that need one, each after the other."""

    def __init__(self, server: URL, template: str) -> None:
        self._server, self._template = server, template
        self.url = server.set(database=f"{template}_copy")
        self._shape = self._build()

    def empty(self) -> None:
        with _impatient(self.url) as connection:
            is_whole = self._shape_by(connection) == self._shape
            # TRUNCATE, which makes new files, takes a hundred times as long.
            for table in reversed(metadata.sorted_tables) if is_whole else ():
                connection.execute(f"DELETE FROM {table.name}")
        if not is_whole:
            self._shape = self._build()

    def drop(self) -> None:
        with connected(self._server) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{self.url.database}" WITH (FORCE)')

    def _build(self) -> object:
        self.drop()
        with connected(self._server) as connection:
            connection.execute(f'CREATE DATABASE "{self.url.database}" TEMPLATE "{self._template}"')
            # No test cuts the server's power.
            connection.execute(f'ALTER DATABASE "{self.url.database}" SET synchronous_commit = off')
        with connected(self.url) as connection:
            return self._shape_by(connection)

    @staticmethod
    def _shape_by(connection: psycopg.Connection) -> object:
        try:
            return connection.execute(_SHAPE).fetchone()
        except psycopg.errors.UndefinedTable:
            return None


_EMPTY = "".join(["BEGIN;", *(f"DELETE FROM {it.name};" for it in metadata.sorted_tables), "COMMIT;"])


class SqliteFile:
    """One file with the schema, for many tests of a session, each after the other.

    So connections stay open, with the statements that SQLite has parsed: making both anew takes longer than most tests.

    No test of it may open the file itself: when a process closes it, SQLite's locks of all its connections end.
    """

    def __init__(self, template: Path, new_folder: Callable[[], Path]) -> None:
        self._template, self._new_folder = template, new_folder
        self._build()

    def empty(self) -> Path:
        """Makes another file if a test locked or changed this one, or left something beside it."""
        try:
            is_whole = self._shape_now() == self._shape
            if is_whole:
                self._connection.executescript(_EMPTY)
        except (sqlite3.Error, OSError):
            is_whole = False
        if not is_whole:
            self.close()
            self._build()
        return self.path

    def close(self) -> None:
        self._connection.close()

    def _build(self) -> None:
        self.path = self._new_folder() / "portal.db"
        shutil.copy(self._template, self.path)
        self._connection = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        do_not_wait_for_disk(self._connection, None)
        # What one test wrote must not be found by another that searches the file for something.
        self._connection.execute("PRAGMA secure_delete=ON")
        self._shape = self._shape_now()

    def _shape_now(self) -> object:
        schema = self._connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        version = self._connection.execute("SELECT version_num FROM alembic_version").fetchall()
        beside = {it.name for it in self.path.parent.iterdir()} - {"portal.db-wal", "portal.db-shm"}
        status = self.path.stat()
        return schema, version, beside, status.st_ino, stat.S_IMODE(status.st_mode)


class SharedEngine:
    """One engine for all tests of a process: SQLAlchemy compiles each statement once for each engine."""

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}
        self._sqlite_path = ""

    def connect_to(self, url: str) -> Engine:
        """Whoever got the engine before is connected to this database from now on, too."""
        is_sqlite = url.startswith("sqlite:///")
        key = "sqlite" if is_sqlite else url
        if key not in self._engines:
            self._engines[key] = make_engine(url, pool_size=16)
            if is_sqlite:
                listen(self._engines[key], "do_connect", self._choose_path)
                listen(self._engines[key], "connect", do_not_wait_for_disk)
        path = url.removeprefix("sqlite:///")
        if not is_sqlite or path != self._sqlite_path:
            self._engines[key].dispose()
        self._sqlite_path = path
        return self._engines[key]

    def close(self) -> None:
        for engine in self._engines.values():
            engine.dispose()

    def _choose_path(self, _dialect: object, _record: object, arguments: list[str], _options: object) -> None:
        arguments[0] = self._sqlite_path


def do_not_wait_for_disk(connection: Any, _record: object) -> None:
    """A listener for SQLite's connections: no test cuts the power."""
    connection.execute("PRAGMA synchronous=OFF")


def clear(url: URL) -> None:
    with _impatient(url) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def pytest_collection_modifyitems(items):
    """Marks whatever needs a PostgreSQL server, so that `-m "not postgresql"` leaves it out."""
    for item in filter(_needs_postgresql, items):
        item.add_marker(pytest.mark.postgresql)


def pytest_runtest_setup(item):
    """Not in a fixture: from here, the summary says it once for all of them."""
    if _needs_postgresql(item) and not is_to_be_had():
        pytest.skip(HOW_TO_GET_ONE)


def _needs_postgresql(item):
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    is_on_it = parameters.get("database_kind") == "postgresql" or "postgres_server" in item.fixturenames
    return is_on_it or item.get_closest_marker("postgresql") is not None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    with server() as url:
        assert url, HOW_TO_GET_ONE
        yield url


@pytest.fixture(scope="session")
def postgres_database(postgres_server) -> Iterator[URL]:
    """One for all tests of a session that bring their own schema, and have to clear it first."""
    with new_database(postgres_server) as database:
        yield database


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server) -> Iterator[Postgres]:
    with new_database(postgres_server) as template:
        _migrate(template)
        copy = Postgres(postgres_server, str(template.database))
        yield copy
        copy.drop()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory) -> Path:
    """To copy; making one anew for each test takes longer than everything else in it."""
    path = tmp_path_factory.mktemp("migrated") / "portal.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def emptied_sqlite(migrated_sqlite, tmp_path_factory) -> Iterator[SqliteFile]:
    file = SqliteFile(migrated_sqlite, lambda: tmp_path_factory.mktemp("database"))
    yield file
    file.close()


@pytest.fixture(scope="session")
def shared_engines() -> Iterator[dict[str, SharedEngine]]:
    """For the portal under test, a second one on the same database, and the test itself."""
    engines = {name: SharedEngine() for name in ("portal", "second", "test")}
    yield engines
    for engine in engines.values():
        engine.close()


@pytest.fixture
def database_kind(request) -> str:
    return getattr(request, "param", "sqlite")


@pytest.fixture
def database_url(database_kind, request, tmp_path) -> str:
    """A database with nothing in it, not even the schema."""
    if database_kind == "sqlite":
        return f"sqlite:///{tmp_path / 'blank.db'}"
    url = request.getfixturevalue("postgres_database")
    clear(url)
    return _written(url)


@pytest.fixture
def shares_database_file() -> bool:
    """Whether SQLite tests of a folder take the same file, one after the other; see `SqliteFile`."""
    return False


@pytest.fixture
def migrated_url(database_kind, shares_database_file, request, tmp_path) -> Iterator[str]:
    """A database with the schema and without rows. Nothing stays connected to it: a server has only so many places."""
    if database_kind == "sqlite":
        if shares_database_file and not request.node.get_closest_marker("own_database_file"):
            path = request.getfixturevalue("emptied_sqlite").empty()
        else:
            path = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "portal.db")
        yield f"sqlite:///{path}"
        return
    postgres = request.getfixturevalue("migrated_postgres")
    postgres.empty()
    used: set[Engine] = set()

    def remember(connection):
        used.add(connection.engine)

    listen(Engine, "engine_connect", remember)
    yield _written(postgres.url)
    remove(Engine, "engine_connect", remember)
    for engine in used:
        engine.dispose()


@contextmanager
def _impatient(url: URL) -> Iterator[psycopg.Connection]:
    """Fails if an earlier test has left a transaction open, instead of waiting for ever."""
    with connected(url) as connection:
        connection.execute("SET lock_timeout = '10s'")
        yield connection


def _migrate(url: URL | str) -> None:
    engine = make_engine(_written(url) if isinstance(url, URL) else url)
    migrate(engine)
    engine.dispose()


def _written(url: URL) -> str:
    return url.render_as_string(hide_password=False)
