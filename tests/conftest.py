from __future__ import annotations

import gc
import signal
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from jinja2 import BytecodeCache

from portal.app import add_services, runner_of
from portal.config import Config
from portal.domain.timings import Timings
from portal.web.flask_app import make_flask
from tests.databases import (
    database_kind,
    database_url,
    emptied_sqlite,
    migrated_postgres,
    migrated_sqlite,
    migrated_url,
    postgres_database,
    postgres_server,
    pytest_collection_modifyitems,
    pytest_runtest_setup,
    shared_engines,
    shares_database_file,
)
from tests.factories import NOW
from tests.fakes import FakeGu1
from tests.loops import run_in_one_thread
from tests.page import Visitor

__all__ = [
    "database_kind",
    "database_url",
    "emptied_sqlite",
    "migrated_postgres",
    "migrated_sqlite",
    "migrated_url",
    "postgres_database",
    "postgres_server",
    "pytest_collection_modifyitems",
    "pytest_runtest_setup",
    "shared_engines",
    "shares_database_file",
]

# A shell has what it starts in the background ignore Ctrl-C, and so would the commands that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

WEBHOOK_SECRET = "a-webhook-secret"

# What is imported and collected stays: the collector need not search it meanwhile, nor again for each test.
gc.disable()


def pytest_collection_finish():
    gc.collect()
    gc.freeze()
    gc.enable()


class _InMemory(BytecodeCache):
    """Templates are compiled once for all applications of a process."""

    def __init__(self):
        self._code = {}

    def load_bytecode(self, bucket):
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket):
        self._code[bucket.key, bucket.checksum] = bucket.code


Flask.jinja_environment = partial(Flask.jinja_environment, bytecode_cache=_InMemory())


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def advance(self, **time):
        self.now += timedelta(**time)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gu1(clock):
    return FakeGu1(clock)


@pytest.fixture
def config(migrated_url):
    return Config(
        secret_keys=("k" * 32,),
        database_url=migrated_url,
        gu1_base_url="http://127.0.0.1:1",
        gu1_api_key="key",
        gu1_webhook_secrets=(WEBHOOK_SECRET,),
        gu1_provider_hosts=("verify.example.com",),
    )


@pytest.fixture(scope="session")
def pages_for():
    """The pages of a configuration, made once for all tests: they keep nothing, their services keep everything."""
    made = {}

    def pages_for(config):
        shaping = (config.base_url, config.default_locale, config.gu1_provider_hosts, config.trusted_proxies)
        if shaping not in made:
            made[shaping] = make_flask(config)
        return made[shaping]

    return pages_for


@pytest.fixture
def app(config, clock, gu1, pages_for, shared_engines):
    """With new services on this test's database."""
    app, database = pages_for(config), shared_engines["portal"].connect_to(config.database_url)
    add_services(app, config, database, clock=clock, gu1=gu1, timings=Timings())
    return app


@pytest.fixture
def onboardings(app):
    return app.extensions["portal"].onboardings


@pytest.fixture
def webhooks(app):
    return app.extensions["portal"].webhooks


@pytest.fixture
def work(app):
    """Lets the runner do everything that is due by now."""
    return lambda: run_in_one_thread(runner_of(app).onboardings.work_until_idle())


@pytest.fixture
def visitor(app):
    return Visitor(app)
