from __future__ import annotations

import os

import pytest

from e2e.browser import HOW_TO_GET_ONE, chromium
from e2e.pages.applicant import Applicant
from e2e.servers import world


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    binary = chromium()
    if binary is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_ONE)
        pytest.skip(HOW_TO_GET_ONE)
    return {**browser_type_launch_args, "executable_path": binary}


@pytest.fixture(scope="session")
def common_world(tmp_path_factory):
    with world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture
def shared_world(common_world):
    yield common_world
    common_world.judge()


@pytest.fixture
def own_world(tmp_path):
    """For journeys that kill things."""
    with world(tmp_path) as running:
        yield running
        running.judge()


@pytest.fixture
def applicant(page, shared_world):
    return Applicant(page, shared_world.portal.url)
