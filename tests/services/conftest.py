import asyncio
from pathlib import Path

import pytest
from flask import Flask

from portal.app import add_services, runner_of
from portal.domain.onboarding import ConsentText
from portal.domain.timings import Timings
from portal.services.partner_onboardings import CreateRequest
from tests.databases import DATABASES
from tests.factories import some_details
from tests.services.trusted_webhooks import Pair

_PROCESSES_MEET = {"other_process", "overtake"}
"""Fixtures of tests in which the databases' ways to lock decide."""


def pytest_collection_modifyitems(items):
    """The other services meet a database in the store alone, whose own tests run on both each time."""
    for item in (it for it in items if it.path.is_relative_to(Path(__file__).parent)):
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        names_it = any("database_kind" in mark.args[0] for mark in item.iter_markers("parametrize"))
        if (
            parameters.get("database_kind") == "postgresql"
            and not names_it
            and _PROCESSES_MEET.isdisjoint(item.fixturenames)
        ):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def shares_database_file():
    return True


@pytest.fixture(params=DATABASES)
def database_kind(request):
    return request.param


@pytest.fixture
def start(onboardings):
    """Sends the form."""

    def start(nonce="form-1", **changes):
        return onboardings.start(some_details(**changes), locale="es-AR", consent=ConsentText("2026-01"), nonce=nonce)

    return start


@pytest.fixture
def begin(start, work):
    """Sends the form and lets the runner do what it can at once."""

    def begin(**details):
        started = start(**details)
        work()
        return started

    return begin


@pytest.fixture
def prepared(begin, onboardings):
    """An onboarding whose validation gu1 has, as `validation-1`."""
    return onboardings.get(begin().id)


@pytest.fixture
def customers(app):
    return app.extensions["portal"].partner_onboardings


@pytest.fixture
def create_for_customer(customers):
    """A partner sends a customer whose details are still to come."""

    def create(external_id="customer-7", key=None, **options):
        request_ = CreateRequest(**{"partner": "shop", "external_id": external_id, "locale": "es-AR"} | options)
        return customers.create(request_, key=key).onboarding

    return create


@pytest.fixture
def open_page(onboardings, clock):
    """Somebody looks at the page."""

    def look(onboarding):
        onboardings.views.note(onboardings.get(onboarding.id), clock())
        onboardings.views.save()

    return look


@pytest.fixture
def report(onboardings, gu1, clock):
    """gu1 changes its mind about a validation and says so."""

    def report(status, gu1_id="validation-1", **facts):
        clock.advance(seconds=1)
        return onboardings.observe(gu1.becomes(gu1_id, status, **facts))

    return report


@pytest.fixture
def pass_time(app, clock, work):
    """Lets time go by in strides, with the runner at work after each at which something is due."""
    next_due = runner_of(app).onboardings._store.next_due

    def pass_time(seconds, stride=1):
        due = next_due(clock())
        for _ in range(0, seconds, stride):
            clock.advance(seconds=stride)
            if due is not None and due <= clock():
                work()
                due = next_due(clock())

    return pass_time


@pytest.fixture
def other_process(app, config, clock, gu1, shared_engines):
    """A second portal on the same database; its runner works when it is awaited."""
    second, database = Flask("second"), shared_engines["second"].connect_to(config.database_url)
    add_services(second, config, database, clock=clock, gu1=gu1, timings=Timings())
    return runner_of(second).onboardings.work_until_idle


@pytest.fixture
def overtake(clock, other_process):
    """Another process takes over what this one has held for too long."""

    async def overtake():
        clock.advance(seconds=31)
        await other_process()

    return overtake


@pytest.fixture
def restart(clock, other_process):
    """Another process goes on in the place of a killed one, for two minutes."""

    def restart():
        for _ in range(8):
            clock.advance(seconds=16)
            asyncio.run(other_process())

    return restart


@pytest.fixture
def pair(app, gu1, clock, work, begin):
    """Two onboardings whose validations gu1 has; no webhook came yet."""
    pair = Pair(app.extensions["portal"], gu1, clock, work)
    for nonce, number in (("told", "30999888"), ("own", "30111222")):
        pair.own = begin(nonce=nonce, document_number=number)
    pair.told_id, pair.own_id = gu1.validations
    return pair


@pytest.fixture
def at_photos(pair):
    """Webhooks come, and the hosted page was just opened."""
    pair.tell()
    pair.opens()
    return pair


@pytest.fixture
def counted(app):
    """How often an event was counted, over all labels."""

    def counted(event):
        page = app.extensions["portal"].metrics.page().decode()
        lines = [line for line in page.splitlines() if line.startswith(f"portal_{event}_total")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    return counted
