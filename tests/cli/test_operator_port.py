"""The operator's page beside the workers: on its own port, with its own token, and gone with the server."""

from __future__ import annotations

import multiprocessing
import socket
import time
import urllib.error
import urllib.request

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.cli.operator_port import operator_port
from tests.ports import free_port

TOKEN = "kR7wPz2mXq9vLd4T"


@pytest.fixture
def settings(migrated_url):
    return {
        "PORTAL_DATABASE_URL": migrated_url,
        "PORTAL_SECRET_KEYS": "7Kd2mQx9vTzW4cLr8YbNq5hFe1uXp3sZ",
        "PORTAL_OPERATOR_TOKEN": TOKEN,
        "GU1_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "GU1_API_KEY": "key",
        "GU1_WEBHOOK_SECRETS": "secret",
    }


def asked(port, token):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.long
def test_page_is_served_to_whoever_has_the_token_until_the_server_ends(settings, monkeypatch):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    with operator_port("127.0.0.1", port) as renew:
        for _ in range(2):
            until_it_listens(port)
            assert (asked(port, TOKEN), asked(port, "wrong")) == (200, 401)
            renew()
        until_it_listens(port)
        (page,) = (it for it in multiprocessing.active_children() if it.name == "operator")
        page.kill()
        page.join(10)
        until_it_listens(port)
        assert asked(port, TOKEN) == 200
    assert not listens(port)


class FailingProcess:
    """Ends at once; of those that follow, the first cannot be started, and the next runs."""

    made = 0

    def __init__(self, **_arguments):
        type(self).made += 1
        self.number = self.made
        self.exitcode = None

    def start(self):
        if self.number == 2:
            raise OSError("out of memory")
        self.exitcode = 1 if self.number == 1 else None

    def terminate(self):
        assert self.number != 2

    def join(self, _seconds):
        assert self.number != 2


def test_start_that_fails_is_tried_again(monkeypatch, caplog):
    monkeypatch.setattr("portal.cli.operator_port._RESTART_SECONDS", 0.01)
    monkeypatch.setattr(FailingProcess, "made", 0)
    monkeypatch.setattr(multiprocessing.get_context("spawn"), "Process", FailingProcess)
    with operator_port("127.0.0.1", 1):
        deadline = time.monotonic() + 10
        while FailingProcess.made < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.1)
    assert FailingProcess.made == 3
    assert "could not be started" in caplog.text


def until_it_listens(port):
    deadline = time.monotonic() + 60
    while not listens(port):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.asvs("6.3.2")
def test_without_a_token_it_is_not_served_to_other_machines(settings):
    open_to_all = settings | {"PORTAL_OPERATOR_PORT": str(free_port()), "PORTAL_OPERATOR_TOKEN": None}
    refused = CliRunner().invoke(main, ["serve", "--host", "0.0.0.0", "--port", str(free_port())], env=open_to_all)
    assert (refused.exit_code, "needs a PORTAL_OPERATOR_TOKEN" in refused.output) == (1, True)
