"""A partner's backend goes on while the portal is restarted: what it repeats happens once, and nothing is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field

import httpx
import pytest

from e2e.partners_fixture import RegisteredPartner, write_partners_file
from e2e.servers import portal
from tests.local_http import LOCAL
from tests.ports import free_port

ONBOARDINGS = "/api/v1/onboardings"
BACKENDS = 3


@pytest.fixture
def running(tmp_path):
    partner = RegisteredPartner("shop", "https://shop.example", "http://127.0.0.1:1/hooks")
    env = write_partners_file(tmp_path / "partners.toml", partner)
    with portal(tmp_path, port=free_port(), gu1_url="http://127.0.0.1:1", env=env) as server:
        yield server, partner.api_key


@dataclass
class Backend:
    """Repeats with the same Idempotency-Key whatever was not answered or was refused for the moment, as documented."""

    url: str
    key: str
    repeated: int = 0
    links: dict[str, str] = field(default_factory=dict)
    """Customer → the newest link, of those whose onboarding is open."""
    cancelled: set[str] = field(default_factory=set)
    answered: list[tuple[tuple[object, ...], str, object]] = field(default_factory=list)
    """What was sent with which key, and what came."""

    def call(self, method, path, body=None, *, once="-"):
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": once}
        deadline = time.monotonic() + 30
        while True:
            with suppress(httpx.TransportError):
                answer = httpx.request(method, self.url + path, json=body, headers=headers, **LOCAL, timeout=10)
                if answer.status_code != 503:
                    assert answer.is_success, answer.text
                    return answer.json()
            assert time.monotonic() < deadline
            self.repeated += 1
            time.sleep(0.05)

    def call_once(self, *sent, once):
        said = self.call(*sent, once=once)
        self.answered.append((sent, once, said))
        return said

    def serve(self, customer):
        started = self.call_once("POST", ONBOARDINGS, {"external_id": customer}, once=f"start-{customer}")
        path = f"{ONBOARDINGS}/{started['id']}"
        self.call("PATCH", path, {"state": f"cart-of-{customer}"})
        link = self.call_once("POST", f"{path}/link", {"ttl_seconds": 3600}, once=f"link-{customer}")["url"]
        assert self.call("GET", path)["state"] == f"cart-of-{customer}"
        if len(self.links) > len(self.cancelled):
            assert self.call("POST", f"{path}/cancel")["status"] == "cancelled"
            self.cancelled.add(customer)
        else:
            self.links[customer] = link

    def serve_until(self, stop, name):
        number = 0
        while not stop.is_set():
            self.serve(f"{name}-{number}")
            number += 1


def served(backends):
    return sum(len(it.links) + len(it.cancelled) for it in backends)


def more(backends, many):
    wanted, deadline = served(backends) + many, time.monotonic() + 60
    while served(backends) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def restart(server):
    """Only the first process is told, as containers do."""
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.process.wait(30) == 0
    server.start()


@pytest.mark.slow
def test_what_a_backend_repeats_over_a_restart_happens_once(running, tmp_path):
    server, key = running
    backends = [Backend(server.url, key) for _ in range(BACKENDS)]
    stop = threading.Event()
    with ThreadPoolExecutor(BACKENDS) as pool:
        tasks = [pool.submit(it.serve_until, stop, f"customer-{n}") for n, it in enumerate(backends)]
        try:
            more(backends, 2 * BACKENDS)
            restart(server)
            more(backends, 2 * BACKENDS)
        finally:
            stop.set()
        for task in tasks:
            task.result()
    assert sum(it.repeated for it in backends) > 0, "nothing was refused, so nothing was tried"
    for backend in backends:
        for sent, once, said in backend.answered:
            again = backend.call(*sent, once=once)
            if sent[1] == ONBOARDINGS:  # it names the link that was made since
                again |= {name: said[name] for name in ("url", "expires_at")}
            assert again == said
    links = {customer: link for it in backends for customer, link in it.links.items()}
    cancelled = set().union(*(it.cancelled for it in backends))
    with closing(sqlite3.connect(tmp_path / "portal.db")) as database:
        ours = "SELECT external_id, link_generation, stopped_at IS NOT NULL FROM onboardings"
        kept = database.execute(ours).fetchall()
        told = database.execute(
            "SELECT external_id, count(*), max(sequence) FROM events JOIN onboardings ON onboardings.id = onboarding_id"
            " GROUP BY external_id"
        ).fetchall()
    assert sorted(kept) == sorted((it, 1, it in cancelled) for it in links.keys() | cancelled)
    assert sorted(told) == sorted((it, 1, 1) for it in cancelled)
    with httpx.Client(**LOCAL) as browser:
        assert {browser.get(it).status_code for it in links.values()} == {200}
