"""The portal's forms, read from their HTML by tests without a browser."""

from __future__ import annotations

import base64
import json
import re

import httpx

from tests.local_http import LOCAL

NAVIGATES = {"Sec-Fetch-Mode": "navigate"}
"""What a browser says when its person goes to a page."""
_TOKEN = re.compile(r'name="form_token"[^>]*value="([^"]+)"')
_INPUT = re.compile(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"')


def form_token(page: str) -> str:
    """Token of the page's first form; empty if there is none."""
    found = _TOKEN.search(page)
    return found[1] if found else ""


def hidden_fields(page: str, action: str) -> dict[str, str]:
    """The fields that the form with this `action` would send; empty if there is no such form."""
    form = re.search(rf'<form[^>]* action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    return dict(_INPUT.findall(form[0])) if form else {}


def details(number: str, token: str, **changes: str) -> dict[str, str]:
    """The first form, filled in."""
    typed = {"country": "AR", "document_number": number, "first_name": "Ana", "last_name": "Pérez"}
    sent = {**typed, "consent": "y", "form_token": token, **changes}
    return {"shown_number": sent["document_number"], **sent}


def send_form(portal_url: str, number: str, **changes: str) -> str:
    """Sends the form; returns the access link."""
    with httpx.Client(base_url=portal_url, **LOCAL) as client:
        answer = client.post("/", data=details(number, form_token(client.get("/").text), **changes))
    assert answer.status_code == 303, answer.status_code
    return portal_url + answer.headers["Location"]


def onboarding_id(link: str) -> str:
    """The onboarding's id, which the access link carries signed but readable."""
    payload = link.rsplit("/", 1)[-1].split("?", maxsplit=1)[0].split(".", maxsplit=1)[0]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))[0])
