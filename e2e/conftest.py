from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from functools import cache, partial

import pytest

from e2e.bench.fleet import create_schema
from e2e.bench.serving import bench_portal
from e2e.browser import CHROMIUM
from e2e.mock_client import MockClient
from e2e.pages.applicant import Applicant
from e2e.repeated import is_repeated
from e2e.servers import environment, on_database, portal, sqlite_in
from tests.databases import database_kind, migrated_sqlite, pytest_runtest_setup
from tests.ports import free_port
from tests.postgres import new_database, server

__all__ = ["database_kind", "migrated_sqlite", "pytest_runtest_setup"]


collect_ignore = [] if "webkit" in os.environ.get("E2E_ENGINES", "") else ["test_webkit_network.py"]


def pytest_sessionstart(session):
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(session.config.getoption("--output"), ignore_errors=True)


SHARED = {
    "embedded": "embed",
    "behind_proxy": "proxy",
    "tab_environment": "capture",
    "frame_environment": "capture",
    "shared_environment": "sqlite",
}
"""Fixture → group of the tests that use it."""
SMALL = ("test_mock_", "test_contract", "test_partner_site")
"""Modules of short tests: sending them out one by one would take longer than running them."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests that share servers run on the same worker, so that each server is started once."""
    for item in items:
        if hasattr(item, "callspec") and is_repeated(item.originalname, item.callspec.id):
            item.add_marker(pytest.mark.slow)
        if any(item.iter_markers("xdist_group")):
            continue
        module = item.path.stem
        groups = [group for fixture, group in SHARED.items() if fixture in item.fixturenames]
        if module.startswith(SMALL):
            groups = [module]
        if hasattr(item, "callspec") and item.callspec.params.get("database_kind") == "postgresql":
            groups = ["postgresql"]
        if groups:
            item.add_marker(pytest.mark.xdist_group(groups[0]))


@pytest.fixture(scope="session", autouse=True)
def delete_output_dir():
    """Replaces pytest-playwright's fixture, with which each worker deletes the other workers' files."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    binary = CHROMIUM.path_or_skip()
    # A fake camera, and no permission prompt.
    arguments = ["--use-fake-device-for-media-stream=fps=5", "--use-fake-ui-for-media-stream"]
    # What moves while a page waits would be drawn sixty times a second, by software.
    arguments += ["--force-prefers-reduced-motion"]
    return {**browser_type_launch_args, "executable_path": binary, "args": arguments}


@pytest.fixture(scope="session")
def open_database(migrated_sqlite):
    """Creates a database of the given kind, with the schema, for an environment; dropped when the session ends."""
    with ExitStack() as opened:
        postgres = cache(lambda: opened.enter_context(server()))

        @cache
        def template():
            url = opened.enter_context(new_database(postgres()))
            create_schema(url.render_as_string(hide_password=False))
            return url.database

        def open_database(kind, folder):
            if kind == "sqlite":
                shutil.copy(migrated_sqlite, folder / "portal.db")
                return sqlite_in(folder)
            return opened.enter_context(new_database(postgres(), template())).render_as_string(hide_password=False)

        yield open_database


@pytest.fixture(scope="session")
def shared_mock():
    return MockClient()


@pytest.fixture
def mock(shared_mock):
    """The mock with its default options, reset before each test."""
    shared_mock.reset()
    return shared_mock


@pytest.fixture
def database_url(open_database, database_kind, tmp_path):
    return open_database(database_kind, tmp_path)


@pytest.fixture(scope="session")
def common_environments(open_database, tmp_path_factory):
    """One environment per kind of database, started by the first test that needs it."""
    with ExitStack() as running:
        environments = {}

        def of_kind(kind):
            if kind not in environments:
                folder = tmp_path_factory.mktemp("environment")
                environments[kind] = running.enter_context(
                    environment(folder, database_url=open_database(kind, folder))
                )
            return environments[kind]

        yield of_kind


@pytest.fixture
def shared_environment(common_environments, database_kind):
    running = common_environments(database_kind)
    yield running
    running.judge()


@pytest.fixture
def own_environment(database_url, tmp_path):
    """For journeys that kill things."""
    with environment(tmp_path, database_url=database_url) as running:
        yield running
        running.judge()


@pytest.fixture
def quick_environment(database_url, tmp_path):
    """For journeys that kill things and then wait: the portal's waits are a tenth as long."""
    with environment(tmp_path, database_url=database_url, serve=partial(bench_portal, time_scale=0.1)) as running:
        yield running
        running.judge()


@pytest.fixture
def second_replica(own_environment, tmp_path):
    """A second portal on the database of `own_environment`; gu1 sends it no webhooks."""
    folder = tmp_path / "second"
    folder.mkdir()
    replica = portal(
        folder, port=free_port(), gu1_url=own_environment.gu1.url, env=on_database(own_environment.database_url)
    )
    replica.start()
    yield replica
    replica.stop()


@pytest.fixture
def applicant(page, shared_environment):
    return Applicant(page, shared_environment.portal.url)
