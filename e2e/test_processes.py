"""What only real processes show: shutdown, restart, several workers, several replicas."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from e2e.pages.applicant import Applicant, a_document_number
from e2e.pages.forms import send_form
from e2e.servers import mock_gu1, on_database, portal
from portal.__main__ import MEMORY
from portal.web.request_limits import Limited
from tests.databases import on_both_databases
from tests.local_http import LOCAL
from tests.ports import free_port


def stage(link):
    answer = httpx.get(link + "/status", headers={"Accept": "application/json"}, **LOCAL)
    return answer.json()["stage"]


def until(link, wanted, within=20.0):
    deadline = time.monotonic() + within
    while (now := stage(link)) != wanted:
        assert time.monotonic() < deadline, now
        time.sleep(0.1)


def until_created(running, within=20.0):
    """Waits until gu1 has created the validation but not answered yet."""
    deadline = time.monotonic() + within
    while not running.ledger()["created"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def metrics_of(url):
    return httpx.get(url + "/metrics", **LOCAL).text


def order_fault(running, **fault):
    httpx.post(running.gu1.url + "/_mock/faults", json=fault, **LOCAL).raise_for_status()


@on_both_databases
def test_asked_to_end_it_first_finishes_what_is_under_way(own_environment):
    order_fault(own_environment, operation="create_validation", kind="latency", seconds=2, when="after")
    link = send_form(own_environment.portal.url, a_document_number())
    until_created(own_environment)
    began = time.monotonic()
    own_environment.portal.stop()
    assert time.monotonic() - began < 10
    own_environment.portal.start()
    until(link, "ready")  # at once: a lost answer would be reconciled a minute later
    assert own_environment.ledger()["created"] == 1
    assert "starts again" not in own_environment.portal.log.read_text()


@on_both_databases
def test_killed_while_gu1_answers_the_lost_validation_is_found_again(quick_environment):
    order_fault(quick_environment, operation="create_validation", kind="latency", seconds=3, when="after")
    link = send_form(quick_environment.portal.url, a_document_number())
    until_created(quick_environment)
    quick_environment.portal.kill()
    quick_environment.portal.start()
    until(link, "ready", within=90)
    assert quick_environment.ledger()["created"] == 1


@on_both_databases
def test_workers_count_together_and_end_with_their_server(tmp_path, database_url):
    gu1_port, portal_port = free_port(), free_port()
    env = on_database(database_url) | {"PORTAL_RATE_LIMIT_STORAGE": "memory://"}
    door = portal(tmp_path, port=portal_port, gu1_url=f"http://127.0.0.1:{gu1_port}", env=env)
    door.command += ["--workers", "2"]
    gu1 = mock_gu1(tmp_path, port=gu1_port, portal_url=door.url)
    gu1.start()
    door.start()
    try:
        for _ in range(6):
            until(send_form(door.url, a_document_number()), "ready")
        assert 'portal_started_total{country="AR"} 6.0' in metrics_of(door.url)
        statuses = [httpx.get(door.url + "/o/nothing", **LOCAL).status_code for _ in range(310)]
        assert Counter(statuses) == {404: Limited.BAD_LINK.value, 429: 10}
        environment = Path(f"/proc/{door.process.pid}/environ").read_text().split("\0")
        assert {f"{name}={value}" for name, value in MEMORY.items()} <= set(environment)
        door.process.send_signal(signal.SIGKILL)
        door.process.wait()
        deadline = time.monotonic() + 15
        while _answers(door.url):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        door.kill()
        gu1.stop()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_what_began_at_one_replica_goes_on_at_the_other(page, own_environment, second_replica):
    first, second = own_environment.portal.url, second_replica.url
    there = send_form(first, a_document_number()).replace(first, second)
    applicant = Applicant(page, second)
    page.goto(there)
    applicant.arrives_at_hosted_page()
    onlooker = Applicant(page.context.new_page(), second)
    onlooker.page.goto(there)
    onlooker.sees_stage(re.compile("ready|waiting"))
    applicant.chooses("Approve")  # gu1 tells the first replica and sends the person back to it
    applicant.sees_stage("approved")
    assert page.url.startswith(first)
    onlooker.sees_stage("approved")
    assert 'portal_webhooks_total{outcome="applied"}' in metrics_of(first)
    assert 'portal_webhooks_total{outcome="applied"}' not in metrics_of(second)
    assert own_environment.ledger()["created"] == 1


def _answers(url):
    try:
        return httpx.get(url + "/healthz", **LOCAL, timeout=1).is_success
    except httpx.TransportError:
        return False


def test_refused_form_does_not_end_the_connection_for_the_next(shared_environment):
    body = {"form_token": "none", "first_name": "A" * 2000}
    for _ in range(30):
        with httpx.Client(base_url=shared_environment.portal.url, **LOCAL) as client:
            assert client.post("/o/unknown/retry", data=body).status_code == 404
            assert client.post("/", data=body).status_code == 400
