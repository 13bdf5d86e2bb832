"""Fixtures that run a test once on SQLite and once on PostgreSQL.

A conftest takes them with `from tests.databases import …`. The PostgreSQL server is
TEST_POSTGRES_URL's, else one on this machine; each test session makes a database there and drops it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import URL, Engine, make_url

from portal.store.engine import make_engine, migrate
from portal.store.repository import Repository
from portal.store.sealing import Sealer

LOCAL_SERVERS = [f"postgresql+psycopg://{user}@127.0.0.1:5432/postgres" for user in ("postgres", "root")]
NO_SERVER = (
    "no PostgreSQL server answers: start one on 127.0.0.1:5432 that trusts user postgres,"
    " or set TEST_POSTGRES_URL=postgresql+psycopg://user:password@host/database (may create databases)"
)


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[URL | None]:
    """None where no server answers."""
    server = _server()
    if server is None:
        yield None
        return
    name = f"portal_test_{secrets.token_hex(6)}"
    with _connected(server) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield server.set(database=name)
    with _connected(server) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'portal.db'}"
    database = request.getfixturevalue("postgres_database")
    if database is None:
        pytest.skip(NO_SERVER)
    with _connected(database) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return database.render_as_string(hide_password=False)


@pytest.fixture
def engine(database_url) -> Iterator[Engine]:
    """With the schema in place; the pool is large enough for 16 threads."""
    engine = make_engine(database_url, pool_size=16)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(["a secret for tests"])


@pytest.fixture
def repository(engine, sealer) -> Repository:
    return Repository(engine, sealer)


def _server() -> URL | None:
    given = os.environ.get("TEST_POSTGRES_URL")
    for candidate in [given] if given else LOCAL_SERVERS:
        url = make_url(candidate)
        try:
            with _connected(url):
                return url
        except psycopg.OperationalError:
            continue
    return None


@contextmanager
def _connected(url: URL) -> Iterator[psycopg.Connection]:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, connect_timeout=2, autocommit=True) as connection:
        yield connection
