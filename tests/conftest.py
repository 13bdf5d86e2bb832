from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from jinja2 import FileSystemBytecodeCache

from portal.app import create_app, runner_of
from portal.config import Config
from portal.domain.timings import Timings
from tests.databases import (
    database_kind,
    database_url,
    migrated_postgres,
    migrated_sqlite,
    migrated_url,
    postgres_database,
    postgres_server,
    pytest_runtest_setup,
)
from tests.factories import NOW
from tests.fakes import FakeGu1
from tests.page import Visitor

__all__ = [
    "database_kind",
    "database_url",
    "migrated_postgres",
    "migrated_sqlite",
    "migrated_url",
    "postgres_database",
    "postgres_server",
    "pytest_runtest_setup",
]

WEBHOOK_SECRET = "a-webhook-secret"


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
def compiled_templates(tmp_path_factory):
    """Compiling them takes longer than everything else in a test."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(config, clock, gu1, compiled_templates):
    app = create_app(config, clock=clock, gu1=gu1, timings=Timings())
    app.jinja_env.bytecode_cache = compiled_templates
    return app


@pytest.fixture
def onboardings(app):
    return app.extensions["portal"].onboardings


@pytest.fixture
def webhooks(app):
    return app.extensions["portal"].webhooks


@pytest.fixture
def work(app):
    """Lets the engine do everything that is due by now."""
    return lambda: asyncio.run(runner_of(app).onboardings.work_until_idle())


@pytest.fixture
def visitor(app):
    return Visitor(app)
