from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.store.engine import make_engine
from portal.store.repository import Repository
from portal.store.sealing import Sealer
from tests.factories import an_onboarding

HOME = "http://127.0.0.1:8000"


@pytest.fixture
def ask(app):
    """Any request, with the answer as it comes."""
    client = app.test_client()
    return lambda method, path, **options: client.open(path, method=method, base_url=HOME, buffered=True, **options)


@pytest.fixture
def store(app, config):
    engine = make_engine(config.database_url)
    yield Repository(engine, Sealer(config.secret_keys))
    engine.dispose()


@pytest.fixture
def stored(app, store):
    """Keeps an onboarding and gives the path of its access link."""
    links = app.extensions["portal"].links
    return lambda **changes: f"/o/{links.token(store.add(an_onboarding(**changes)))}"


@pytest.fixture
def sql(app, config):
    """Past the portal, as an operator or a fault would."""

    def execute(statement):
        with closing(sqlite3.connect(config.database.database)) as connection, connection:
            return connection.execute(statement).fetchall()

    return execute


@pytest.fixture
def count(sql):
    return lambda table="onboardings": sql(f"SELECT count(*) FROM {table}")[0][0]


@pytest.fixture
def writes_fail(sql):
    """Makes every new row of a table fail; gives what mends it."""

    def begin(table="onboardings"):
        sql(f"CREATE TRIGGER fault BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        return lambda: sql("DROP TRIGGER fault")

    return begin


@pytest.fixture
def button(app):
    """What a button of the page at `path` would send, whether the page shows one or not."""
    links, tokens = app.extensions["portal"].links, app.extensions["portal"].tokens
    return lambda path: {"form_token": tokens.issue(links.onboarding_id(token_in(path))), "attempt": "1"}


def token_in(path):
    return re.fullmatch(r"/o/([\w.-]+).*", path)[1]


def query_of(address):
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
