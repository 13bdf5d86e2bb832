"""Back to the partner with a result that it can check: signed, and good for a moment."""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.web.access_link import open_access_link
from portal.web.context import portal
from portal.web.urls import url_to

partner_return = Blueprint("partner_return", __name__)


@partner_return.get("/o/<token>/back")
def go_back(token: str) -> ResponseReturnValue:
    """Signed when it is followed, however long the page was open before."""
    found = open_access_link(token)
    return redirect(_result_url(found) or url_to("applicant.onboarding", token=token), 303)


def partner_return_url(found: Onboarding, stage: Stage) -> str | None:
    """The address of `go_back`, where there is somewhere to go and nothing left to wait for."""
    if not stage.facts.returns_to_partner or not _return_url(found):
        return None
    return url_to("partner_return.go_back", token=portal().access_links.token(found))


def sign(query: str, secret: str) -> str:
    """HMAC-SHA256 of the query as it is sent, keyed with the text of the secret; hex."""
    return hmac.new(secret.encode(), query.encode(), sha256).hexdigest()


def _result_url(found: Onboarding) -> str | None:
    partner, return_url = portal().partners.get(found.partner), _return_url(found)
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


def _return_url(found: Onboarding) -> str | None:
    """As long as the partner still wants people there: it may have changed its mind since it was asked for."""
    partner = portal().partners.get(found.partner)
    wanted = found.return_url
    return wanted if partner and wanted and partner.allows_return_to(wanted) else None
