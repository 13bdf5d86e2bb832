"""What only real processes show: ends, restarts, several workers."""

from __future__ import annotations

import re
import signal
import time

import httpx

from e2e.pages.applicant import a_document_number
from e2e.servers import free_port, mock_gu1, portal, world


def send_form(url, document_number):
    """The access link's address."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        token = re.search(r'name="form_token"[^>]*value="([^"]+)"', client.get("/").text)[1]
        fields = {"country": "AR", "document_number": document_number, "first_name": "Ana", "last_name": "Pérez"}
        answer = client.post("/", data={**fields, "consent": "y", "form_token": token})
    assert answer.status_code == 303
    return url + answer.headers["Location"]


def stage(link):
    answer = httpx.get(link + "/status", headers={"Accept": "application/json"}, trust_env=False)
    return answer.json()["stage"]


def until(link, wanted, within=20.0):
    deadline = time.monotonic() + within
    while (now := stage(link)) != wanted:
        assert time.monotonic() < deadline, now
        time.sleep(0.1)


def order_fault(running, **fault):
    httpx.post(running.gu1.url + "/_mock/faults", json=fault, trust_env=False).raise_for_status()


def test_asked_to_end_it_first_finishes_what_is_under_way(tmp_path):
    with world(tmp_path) as running:
        order_fault(running, operation="create_validation", kind="latency", seconds=2, when="after")
        link = send_form(running.portal.url, a_document_number())
        time.sleep(0.8)
        began = time.monotonic()
        running.portal.stop()
        assert time.monotonic() - began < 10
        running.portal.start()
        until(link, "ready", within=3)
        assert running.ledger()["created"] == 1
        running.judge()
        assert "stumbled" not in running.portal.log.read_text()


def test_killed_while_gu1_answers_the_lost_validation_is_found_again(tmp_path):
    with world(tmp_path) as running:
        order_fault(running, operation="create_validation", kind="latency", seconds=3, when="after")
        link = send_form(running.portal.url, a_document_number())
        time.sleep(0.8)
        running.portal.kill()
        running.portal.start()
        until(link, "ready", within=90)
        assert running.ledger()["created"] == 1


def test_workers_count_together_and_end_with_their_server(tmp_path):
    gu1_port, portal_port = free_port(), free_port()
    door = portal(tmp_path, port=portal_port, gu1_url=f"http://127.0.0.1:{gu1_port}")
    door.command += ["--workers", "2"]
    gu1 = mock_gu1(tmp_path, port=gu1_port, portal_url=door.url)
    gu1.start()
    door.start()
    try:
        for _ in range(6):
            until(send_form(door.url, a_document_number()), "ready")
        metrics = httpx.get(door.url + "/metrics", trust_env=False).text
        assert 'portal_started_total{country="AR"} 6.0' in metrics
        door.process.send_signal(signal.SIGKILL)
        door.process.wait()
        deadline = time.monotonic() + 5
        while _answers(door.url):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        door.kill()
        gu1.stop()


def _answers(url):
    try:
        return httpx.get(url + "/healthz", trust_env=False, timeout=1).is_success
    except httpx.TransportError:
        return False
