"""SIGHUP reloads the partners without downtime; an invalid file changes nothing."""

from __future__ import annotations

import os
import signal
import time

import httpx
import pytest

from e2e.servers import portal
from portal.partners.registry import hash_of_key, new_key, new_signing_secret
from tests.ports import free_port

KEYS = [new_key(), new_key()]


def written(path, *keys):
    listed = ", ".join(f'"{hash_of_key(key)}"' for key in keys)
    secret = new_signing_secret()
    path.write_text(f'[partners.shop]\nname = "Shop"\napi_keys = [{listed}]\nsigning_secrets = ["{secret}"]\n')


@pytest.fixture
def partners(tmp_path):
    path = tmp_path / "partners.toml"
    written(path, KEYS[0])
    return path


@pytest.fixture
def running(tmp_path, partners):
    with portal(
        tmp_path, port=free_port(), gu1_url="http://127.0.0.1:1", env={"PORTAL_PARTNERS_FILE": str(partners)}
    ) as server:
        yield server


def opens(running, key):
    """Whether the API accepts the key. Each request uses a new connection and must be answered."""
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(f"{running.url}/api/v1/onboardings/none", headers=headers, trust_env=False, timeout=10)
    assert answer.status_code in {401, 404}
    return answer.status_code == 404


def read_anew(running):
    os.kill(running.process.pid, signal.SIGHUP)


def until(found, within=20.0):
    deadline = time.monotonic() + within
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_new_key_opens_and_the_old_one_does_not_any_more(running, partners):
    assert (opens(running, KEYS[0]), opens(running, KEYS[1])) == (True, False)
    written(partners, KEYS[1])
    read_anew(running)
    # For a moment the old worker still answers next to the new one.
    until(lambda: all(opens(running, KEYS[1]) and not opens(running, KEYS[0]) for _ in range(10)))


def test_a_file_that_is_wrong_changes_nothing_and_is_told(running, partners):
    partners.write_text('[partners.shop]\nname = "Shop"\norigins = ["*"]\n')
    read_anew(running)
    until(lambda: "partners file not reloaded" in running.log.read_text())
    assert "line 3: partners.shop.origins.0" in running.log.read_text()
    assert opens(running, KEYS[0])
