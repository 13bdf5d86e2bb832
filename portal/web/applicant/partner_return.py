"""The way back to the partner, with a signed, short-lived result."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, redirect
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import Headers

from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.partners.registry import Registry
from portal.web.access_link import open_access_link
from portal.web.context import portal
from portal.web.urls import token_of, url_to

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

partner_return = Blueprint("partner_return", __name__)


@partner_return.get("/o/<token>/back")
def go_back(token: str) -> ResponseReturnValue:
    """Signs the result when the link is followed, however long the page was open."""
    found = open_access_link(token)
    url = _result_url(found)
    return _SignedRedirect(url) if url else redirect(url_to("applicant.onboarding", token=token), 303)


class _SignedRedirect(Response):
    """Leads to exactly this URL: Werkzeug would encode some characters anew, which the signature does not cover."""

    def __init__(self, url: str) -> None:
        super().__init__(status=303)
        self._url = url

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        headers = super().get_wsgi_headers(environ)
        headers["Location"] = self._url
        return headers


def partner_return_url(found: Onboarding, stage: Stage) -> str | None:
    """The URL of `go_back`; None while the applicant has to wait, or without a return URL."""
    if not returns_to_partner(found, stage, portal().partners):
        return None
    return url_to("partner_return.go_back", token=token_of(found))


def returns_to_partner(found: Onboarding, stage: Stage, partners: Registry) -> bool:
    return stage.facts.returns_to_partner and _return_url(found, partners) is not None


def sign(query: str, secret: str) -> str:
    """Hex HMAC-SHA256 over the encoded query, keyed with the secret's text."""
    return hmac.new(secret.encode(), query.encode(), sha256).hexdigest()


def _result_url(found: Onboarding) -> str | None:
    partner, return_url = portal().partners.get(found.partner), _return_url(found, portal().partners)
    if partner is None or return_url is None:
        return None
    parts = urlsplit(return_url)
    result = {
        "onboarding_id": found.id,
        "status": found.status.value,
        **({"state": found.state} if found.state is not None else {}),
        "t": int(portal().clock().timestamp()),
    }
    query = "&".join(filter(None, (parts.query, urlencode(result))))
    return parts._replace(query=f"{query}&signature={sign(query, partner.signing_secrets[0])}").geturl()


def _return_url(found: Onboarding, partners: Registry) -> str | None:
    """None if the partner has removed it from its registered return URLs since the request."""
    partner = partners.get(found.partner)
    if partner is None or found.return_url is None:
        return None
    try:
        return partner.return_url(found.return_url)
    except ValueError:
        return None
