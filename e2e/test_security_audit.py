"""A sample of `make audit-security`, and that it would see what it looks for."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Response

from e2e.browser import CHROMIUM
from e2e.security_audit.attacked_portal import attacked_portal
from e2e.security_audit.hostile_texts import TextTarget, hostile_texts, opened_in_browser, try_texts
from e2e.security_audit.hostile_traffic import send_hostile_traffic
from e2e.servers import sqlite_in


def in_a_thread(coroutine):
    """Playwright's fixtures leave an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def test_some_requests_of_an_attacker_to_a_running_portal(tmp_path):
    with attacked_portal(tmp_path, sqlite_in(tmp_path)) as portal:
        found = in_a_thread(send_hostile_traffic(portal, 400, seed=3))
    assert found.all_faults() == []
    assert found.statuses[200] > 40 and found.statuses.total() > 350


@pytest.mark.asvs("1.2.1", "1.2.3", "3.2.2")
def test_some_texts_that_want_to_be_code(tmp_path):
    CHROMIUM.path_or_skip()
    found = in_a_thread(try_texts(tmp_path, texts=12, addresses=20, seed=3))
    assert found.faults == []
    assert found.opened >= 24


WOULD_BE_SEEN = {
    "<script>alert(1)</script>": "script ran: 1",
    "<img src=x onerror=alert(2)>": "script ran: 2",
    "<p onclick=alert(3)>": "handler",
    "<a href=javascript:alert(4)>": "leads off the list",
    "<form action=//evil.example>": "leads off the list",
    "<img src=//evil.example/5>": "asked for http://evil.example/5",
    "<base href=//evil.example>": "element",
    "<meta http-equiv=Content-Security-Policy content='script-src https:'><script>alert(6)</script>": "policy stopped",
}


def test_code_in_a_page_would_be_seen(tmp_path):
    CHROMIUM.path_or_skip()
    start = "<!DOCTYPE html><title>x</title>"
    answers = [(html, Response(start + html, mimetype="text/html")) for html in WOULD_BE_SEEN]
    found = in_a_thread(opened_in_browser(TextTarget(tmp_path), answers))
    missed = [it for it in WOULD_BE_SEEN.items() if not any(seen.startswith(": ".join(it)) for seen in found.faults)]
    assert missed == []


def test_texts_are_numbered_and_the_same_for_a_seed():
    texts = hostile_texts(500, seed=1)
    assert texts == hostile_texts(500, seed=1) and len(set(texts)) == 500
