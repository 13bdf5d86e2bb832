"""The way back to the partner, with a signed, short-lived result."""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import urlencode

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.domain.web_addresses import split_web_url
from portal.web.access_link import open_access_link
from portal.web.context import portal
from portal.web.urls import url_to

partner_return = Blueprint("partner_return", __name__)


@partner_return.get("/o/<token>/back")
def go_back(token: str) -> ResponseReturnValue:
    """Signs the result when the link is followed, however long the page was open."""
    found = open_access_link(token)
    return redirect(_result_url(found) or url_to("applicant.onboarding", token=token), 303)


def partner_return_url(found: Onboarding, stage: Stage) -> str | None:
    """The URL of `go_back`; None while the applicant has to wait, or without a return URL."""
    if not stage.facts.returns_to_partner or not _return_url(found):
        return None
    return url_to("partner_return.go_back", token=portal().access_links.token(found))


def sign(query: str, secret: str) -> str:
    """Hex HMAC-SHA256 over the encoded query, keyed with the secret's text."""
    return hmac.new(secret.encode(), query.encode(), sha256).hexdigest()


def _result_url(found: Onboarding) -> str | None:
    partner, return_url = portal().partners.get(found.partner), _return_url(found)
    if partner is None or return_url is None:
        return None
    parts = split_web_url(return_url)
    result = {
        "onboarding_id": found.id,
        "status": found.status.value,
        **({"state": found.state} if found.state is not None else {}),
        "t": int(portal().clock().timestamp()),
    }
    query = "&".join(filter(None, (parts.query, urlencode(result))))
    return parts._replace(query=f"{query}&signature={sign(query, partner.signing_secrets[0])}").geturl()


def _return_url(found: Onboarding) -> str | None:
    """None if the partner has removed it from its registered return URLs since the request."""
    partner = portal().partners.get(found.partner)
    wanted = found.return_url
    return wanted if partner and wanted and partner.allows_return_to(wanted) else None
