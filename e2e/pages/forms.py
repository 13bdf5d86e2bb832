"""The portal's forms as their HTML has them, for people who come without a browser."""

from __future__ import annotations

import re

import httpx

_TOKEN = re.compile(r'name="form_token"[^>]*value="([^"]+)"')
_INPUT = re.compile(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"')


def form_token(page: str) -> str:
    """Of the page's first form, or nothing."""
    found = _TOKEN.search(page)
    return found[1] if found else ""


def hidden_fields(page: str, action: str) -> dict[str, str]:
    """What pressing the button whose form goes to `action` would send; empty without such a form."""
    form = re.search(rf'<form[^>]* action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    return dict(_INPUT.findall(form[0])) if form else {}


def details(number: str, token: str) -> dict[str, str]:
    """The first form, filled in."""
    typed = {"country": "AR", "document_number": number, "first_name": "Ana", "last_name": "Pérez"}
    return {**typed, "consent": "y", "form_token": token}


def send_form(portal_url: str, number: str) -> str:
    """The address of the access link that it leads to."""
    with httpx.Client(base_url=portal_url, trust_env=False) as client:
        answer = client.post("/", data=details(number, form_token(client.get("/").text)))
    assert answer.status_code == 303, answer.status_code
    return portal_url + answer.headers["Location"]
