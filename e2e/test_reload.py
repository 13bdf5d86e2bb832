"""SIGHUP reloads the partners without downtime; an invalid file changes nothing."""

from __future__ import annotations

import hmac
import json
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import httpx
import pytest

from e2e.bench.scenario import workers
from e2e.servers import portal
from portal.partners.registry import hash_of_key, new_key, new_signing_secret
from portal.store.database import make_engine
from portal.store.installation_history import InstallationHistory
from tests.local_http import LOCAL
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
    answer = httpx.get(f"{running.url}/api/v1/onboardings/none", headers=headers, **LOCAL, timeout=10)
    assert answer.status_code in {401, 404}
    return answer.status_code == 404


def read_anew(running):
    os.kill(running.process.pid, signal.SIGHUP)


def until(found, within=60.0):
    deadline = time.monotonic() + within
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def noted(folder):
    """What the installation's history of a portal in this folder tells."""
    engine = make_engine(f"sqlite:///{folder / 'portal.db'}")
    try:
        return [it.what for it in InstallationHistory(engine).newest(limit=9)]
    finally:
        engine.dispose()


def test_a_new_key_opens_and_the_old_one_does_not_any_more(running, partners, tmp_path):
    assert (opens(running, KEYS[0]), opens(running, KEYS[1])) == (True, False)
    written(partners, KEYS[1])
    read_anew(running)
    # For a moment the old worker still answers next to the new one.
    until(lambda: all(opens(running, KEYS[1]) and not opens(running, KEYS[0]) for _ in range(10)))
    assert "reloaded: partner shop: api_keys and signing_secrets" in running.log.read_text()
    until(lambda: "partners_changed" in noted(tmp_path))


def test_a_file_that_is_wrong_changes_nothing_and_is_told(running, partners):
    partners.write_text('[partners.shop]\nname = "Shop"\norigins = ["*"]\n')
    read_anew(running)
    until(lambda: "not reloaded" in running.log.read_text())
    assert "line 3: partners.shop.origins.0" in running.log.read_text()
    assert opens(running, KEYS[0])


@dataclass
class Secrets:
    """What a person, gu1 and a partner's backend use at this moment."""

    partner_key: str
    webhook_secret: str
    link: str = ""
    begun: Counter[int] = field(default_factory=Counter)
    """Rounds of each thread that asks."""


def link_of(running, partner_key):
    headers = {"Authorization": f"Bearer {partner_key}"}
    asked = httpx.post(
        f"{running.url}/api/v1/onboardings", json={"external_id": "c-7"}, headers=headers, **LOCAL, timeout=10
    )
    return asked.json()["url"]


def ask_all_doors(running, used, answered, stop):
    """Over and over, with whatever is used at the moment.

    Each request on a connection of its own: a worker that ends may close an idle one at the moment at which it is used
    again, for which HTTP/1.1 has clients repeat the request, and httpx does not.
    """
    number = 0
    while not stop.is_set():
        number += 1
        used.begun[threading.get_ident()] += 1
        body = json.dumps({"event": "entity.updated", "number": number, "by": threading.get_ident()}).encode()
        signature = hmac.new(used.webhook_secret.encode(), body, "sha256").hexdigest()
        key = {"Authorization": f"Bearer {used.partner_key}"}
        with httpx.Client(base_url=running.url, headers={"Connection": "close"}, **LOCAL, timeout=10) as client:
            answered.append(sent(client, "GET", used.link))
            answered.append(sent(client, "GET", "/api/v1/onboardings/none", headers=key) - 204)
            signed = {"X-Webhook-Signature": signature}
            answered.append(sent(client, "POST", "/webhooks/gu1", content=body, headers=signed))


def sent(client, method, path, **options):
    """Once more if the connection was closed before any answer, as proxies do and as gu1 repeats its webhooks.

    On a machine that is overloaded, a worker may be asked to end between accepting a connection and reading from it.
    """
    try:
        return client.request(method, path, **options).status_code
    except httpx.RemoteProtocolError:
        return client.request(method, path, **options).status_code


@pytest.mark.asvs("11.2.2", "13.2.1")
def test_all_secrets_rotate_under_load_without_a_failed_request(tmp_path):
    partners, webhooks, keys = (tmp_path / name for name in ("partners.toml", "webhook-secrets", "portal.db.keys"))
    old, new = (
        Secrets(key, f"{name}-webhook-secret-of-the-tests") for key, name in zip(KEYS, ("old", "new"), strict=True)
    )
    signing = {"old": "o7kDm2xQ9vTzW4cLr8Yb" * 2, "new": "Nq5hFe1uJs6pGa3iXy0K" * 2}

    def write(*names):
        secrets_of = {"old": old, "new": new}
        written(partners, *(secrets_of[name].partner_key for name in names))
        webhooks.write_text("\n".join(secrets_of[name].webhook_secret for name in names))
        keys.write_text("\n".join(signing[name] for name in names))

    write("old")
    env = {"PORTAL_PARTNERS_FILE": str(partners), "GU1_WEBHOOK_SECRETS": "", "GU1_WEBHOOK_SECRETS_FILE": str(webhooks)}
    with portal(tmp_path, port=free_port(), gu1_url="http://127.0.0.1:1", env=env) as running:
        used, answered, stop = replace(old, link=link_of(running, old.partner_key)), [], threading.Event()
        with ThreadPoolExecutor(3) as pool:
            loads = [pool.submit(ask_all_doors, running, used, answered, stop) for _ in range(3)]
            try:
                write("new", "old")
                before = workers(running)
                read_anew(running)
                until(lambda: not before & workers(running))
                until(lambda: all(opens(running, new.partner_key) for _ in range(10)))
                used.partner_key, used.webhook_secret = new.partner_key, new.webhook_secret
                used.link = link_of(running, new.partner_key)
                begun = used.begun.copy()
                until(lambda: all(used.begun[it] > begun[it] for it in begun))  # nobody is midway with the old ones
                write("new")
                read_anew(running)
                until(lambda: not any(opens(running, old.partner_key) for _ in range(10)))
            finally:
                stop.set()
            for load in loads:
                load.result()
    assert (set(answered), len(answered) > 50) == ({200}, True)
