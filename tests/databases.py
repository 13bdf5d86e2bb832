"""Fixtures that run a test once on SQLite and once on PostgreSQL; a conftest takes them by importing them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL, Engine

from portal.store.engine import make_engine, migrate
from portal.store.repository import Repository
from portal.store.sealing import Sealer
from tests.postgres import HOW_TO_GET_ONE, connected, new_database, server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL | None]:
    """None where there is none to be had."""
    with server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_database(postgres_server) -> Iterator[URL | None]:
    """One for all tests of a session, which have to empty it."""
    if postgres_server is None:
        yield None
        return
    with new_database(postgres_server) as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'portal.db'}"
    database = request.getfixturevalue("postgres_database")
    if database is None:
        pytest.skip(HOW_TO_GET_ONE)
    with connected(database) as connection:
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
