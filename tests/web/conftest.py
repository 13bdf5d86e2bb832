from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.factories import an_onboarding
from tests.partners import KEYS

HOME = "http://127.0.0.1:8000"
ONBOARDINGS = "/api/v1/onboardings"


@pytest.fixture
def shares_database_file():
    return True


@pytest.fixture
def ask(app):
    """Any request, with the answer as it comes."""
    client = app.test_client()
    return lambda method, path, **options: client.open(path, method=method, base_url=HOME, buffered=True, **options)


@pytest.fixture
def connections(app, config, shared_engines):
    """To the portal's database, past the portal."""
    engine = shared_engines["test"].connect_to(config.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(connections, config):
    return Repository(connections, ColumnCipher(config.secret_keys))


@pytest.fixture
def stored(app, store):
    """Keeps an onboarding and gives the path of its access link."""
    links = app.extensions["portal"].access_links
    return lambda **changes: f"/o/{links.token(store.add(an_onboarding(**changes)))}"


@pytest.fixture
def sql(connections):
    """As an operator or a fault would."""

    def execute(statement):
        with connections.begin() as connection:
            result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    return execute


@pytest.fixture
def count(sql):
    return lambda table="onboardings": sql(f"SELECT count(*) FROM {table}")[0][0]


@pytest.fixture
def api(ask):
    """As a partner's backend calls; `body` is sent as JSON."""

    def call(method, path, body=None, *, key=KEYS["shop"], headers=None, **options):
        sent = {"json": body} if body is not None else {}
        headers = {"Authorization": f"Bearer {key}"} | (headers or {})
        return ask(method, path, headers=headers, **sent, **options)

    return call


@pytest.fixture
def create(api):
    def create(external_id="customer-7", *, key=KEYS["shop"], once=None, **options):
        headers = {"Idempotency-Key": once} if once else {}
        return api("POST", ONBOARDINGS, {"external_id": external_id} | options, key=key, headers=headers)

    return create


@pytest.fixture
def created(create):
    """Its address in the API."""
    return f"{ONBOARDINGS}/{create().json['id']}"


FAULT = {
    "sqlite": "CREATE TRIGGER fault BEFORE INSERT ON {} BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    "postgresql": "CREATE TRIGGER fault BEFORE INSERT ON {} EXECUTE FUNCTION fail()",
}


@pytest.fixture
def writes_fail(sql, database_kind):
    """Makes every new row of a table fail; gives what mends it."""

    def begin(table="onboardings"):
        if database_kind == "postgresql":
            body = "BEGIN RAISE disk_full USING MESSAGE = 'disk full'; END"
            sql(f"CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        sql(FAULT[database_kind].format(table))
        return lambda: sql("DROP TRIGGER fault" + (f" ON {table}" if database_kind == "postgresql" else ""))

    return begin


@pytest.fixture
def reads_fail(sql):
    """Makes every look at an onboarding fail; gives what mends it."""

    def begin():
        sql("ALTER TABLE onboardings RENAME TO away")
        return lambda: sql("ALTER TABLE away RENAME TO onboardings")

    return begin


@pytest.fixture
def button(app):
    """What a button of the page at `path` would send, whether the page shows one or not."""
    links, tokens = app.extensions["portal"].access_links, app.extensions["portal"].form_tokens
    return lambda path: {"form_token": tokens.issue(links.onboarding_id(token_in(path))), "attempt": "1"}


def token_in(path):
    return re.fullmatch(r"/o/([\w.-]+).*", path)[1]


def query_of(address):
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def is_problem(answer, status):
    said = answer.json
    return (
        (answer.status_code, answer.mimetype, said["status"]) == (status, "application/problem+json", status)
        and answer.headers["Cache-Control"] == "no-store"
        and "Access-Control-Allow-Origin" not in answer.headers
    )
