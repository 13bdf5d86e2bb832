"""Nothing that a stranger or gu1 sends makes an answer fail, or reaches a header unparsed."""

import json
import logging
import os
import random
import re
from dataclasses import replace
from datetime import timedelta
from itertools import count
from urllib.parse import urlsplit

import pytest
from flask import redirect
from werkzeug.test import run_wsgi_app

from portal.domain.provider_hosts import ProviderHosts
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.gu1.rows import a_row
from tests.gu1.webhooks import signature_of
from tests.page import NAVIGATES
from tests.partners import KEYS, RETURN_URL, partners_file
from tests.web.conftest import ONBOARDINGS, token_in
from tests.web.hostile_requests import HOME, WORDS, HostileRequests, faults_of
from tests.web.stages import SHOWN, adopted, stored_as

FEW, MANY = 250, int(os.environ.get("HOSTILE_REQUESTS", "20000"))
PROVIDER = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*verify\.example\.com(:\d+)?")


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def hostile(app, stored, api):
    """Requests that also know links, ids, form tokens and keys."""
    paths = [stored(**stored_as(stage)) for stage in SHOWN]
    invited = api("POST", ONBOARDINGS, {"external_id": "customer-7", "return_url": RETURN_URL, "state": "x"}).json
    links, forms = app.extensions["portal"].access_links, app.extensions["portal"].form_tokens
    tokens = [*map(token_in, paths), token_in(urlsplit(invited["url"]).path)]
    known = [
        *tokens,
        invited["id"],
        "shop",
        "portal.css",
        forms.issue("direct"),
        forms.issue(links.onboarding_id(tokens[0])),
    ]
    good = {
        "Accept": ["application/json", "text/html"],
        "Authorization": [f"Bearer {KEYS['shop']}", f"Bearer {KEYS['gone']}"],
        "HX-Request": ["true"],
        "Origin": ["http://127.0.0.1:8000", "https://shop.example"],
    }
    return lambda seed: HostileRequests(seed, app.url_map.iter_rules(), known, good)


@pytest.fixture
def answer_of(app, caplog):
    caplog.set_level(logging.ERROR)

    def answer_of(environ):
        """After a look at what no answer may be."""
        body, status, headers = run_wsgi_app(app.wsgi_app, environ, buffered=True)
        assert faults_of(int(status[:3]), dict(headers), b"".join(body)) == [], (environ, headers, caplog.text)
        return status, headers

    yield answer_of
    assert [record.getMessage() for record in caplog.records] == []


@on_both_databases
def test_no_request_of_a_stranger_makes_an_answer_fail(hostile, answer_of):
    generator = hostile(15)
    for _ in range(FEW):
        answer_of(generator.request())


@pytest.mark.slow
@on_both_databases
def test_no_request_of_many_makes_an_answer_fail(hostile, answer_of):
    """`HOSTILE_REQUESTS` says how many."""
    generator = hostile(MANY)
    for _ in range(MANY):
        answer_of(generator.request())


SESSION_URLS = [
    "https://a..verify.example.com/",
    "https://.verify.example.com/",
    "https://verify.example.com:0/",
    "https://\ud800/",
    "https://verify.example.com/\r\nSet-Cookie: x=1",
    "https://verify.example.com/\x00",
    "https://verify.example.com%0a/",
    "https://verify.example.com@evil.example/",
    "https://evil.example/#.verify.example.com",
    "//evil.example",
    "https://evil.example\\.verify.example.com/",
    "https://verify.example.com.evil.example/",
    f"https://{'a' * 64}.verify.example.com/",
    f"https://{'a.' * 200}verify.example.com/",
    "https://[::1].example.com/",
    "https://verify.example.com/?x=%zz&y=[1]",
    "https://verify.example.com/[x]{y}|z^`",
    "https://VERIFY.example.com:443/",
    *(f"https://verify.example.com/{word}" for word in WORDS),
    *(f"https://{word}.verify.example.com/" for word in WORDS),
    *WORDS,
]
HOSTS = ProviderHosts(("verify.example.com", ".verify.example.com"))
"""Below a suffix most names are allowed."""
FIELDS = ("providerSessionUrl", "validationSessionId", "status", "expiresAt", "warnings", "metadata", "entityId")


@pytest.fixture
def told_by_gu1(onboardings, ask, stored):
    """Delivers one more row with these changes; gives the onboarding's path."""
    onboardings._provider_hosts = HOSTS
    onboardings._observations = replace(onboardings._observations, provider_hosts=HOSTS)
    path = stored(validation=adopted(gu1_id="validation-1", gu1_updated_at=None))
    seconds = count()

    def tell(**changes):
        changed_at = NOW - timedelta(days=1, seconds=-next(seconds))
        row = a_row(**{"id": "validation-1", "updatedAt": changed_at.isoformat()} | changes)
        body = json.dumps({"event": "kyc.validation_pending", "payload": row}).encode()
        answer = ask("POST", "/webhooks/gu1", data=body, headers={"X-Webhook-Signature": signature_of(body)})
        assert answer.status_code == 200, changes
        return path

    return tell


def leads_to(answer):
    return urlsplit(answer.headers["Location"]).netloc


@pytest.mark.asvs("3.7.2")
def test_no_address_of_gu1_leads_elsewhere(app):
    """Past the database, which would take most of the time."""
    led_to = []
    for word in SESSION_URLS:
        if allowed := HOSTS.allowed(word):
            with app.test_request_context():
                sent = redirect(allowed).get_wsgi_headers({"wsgi.url_scheme": "http", "HTTP_HOST": HOME})
            led_to.append(urlsplit(sent["Location"]).netloc)
    assert len(led_to) > 20 and all(map(PROVIDER.fullmatch, led_to))


@on_both_databases
@pytest.mark.parametrize("sample", [6, pytest.param(None, marks=pytest.mark.slow)])
def test_no_string_of_gu1_makes_an_answer_fail(told_by_gu1, ask, sample):
    chosen = random.Random(15)
    for url in chosen.sample(SESSION_URLS, sample or len(SESSION_URLS)):
        answer = ask("GET", f"{told_by_gu1(providerSessionUrl=url)}/continue", headers=NAVIGATES)
        assert (answer.status_code, leads_to(answer) == "" or bool(PROVIDER.fullmatch(leads_to(answer)))) == (
            303,
            True,
        ), url
    for word in chosen.sample(WORDS, sample or len(WORDS)):
        answer = ask("GET", f"{told_by_gu1(**dict.fromkeys(FIELDS, word))}/status")
        assert answer.status_code in {200, 303}, word
