"""Back to the partner with a result that it can check: signed, and good for a moment."""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.web.access import opened
from portal.web.addresses import address
from portal.web.context import portal

way_back = Blueprint("way_back", __name__)

_LEADS_BACK = {
    Stage.IN_REVIEW,
    Stage.APPROVED,
    Stage.REJECTED,
    Stage.EXPIRED,
    Stage.CANCELLED,
    Stage.CLOSED,
}
"""Where the applicant need not stay."""


@way_back.get("/o/<token>/back")
def go_back(token: str) -> ResponseReturnValue:
    """Signed when it is followed, however long the page was open before."""
    found = opened(token)
    return redirect(_result_url(found) or address("pages.onboarding", token=token), 303)


def way_back_of(found: Onboarding, stage: Stage) -> str | None:
    """The address of `go_back`, where there is somewhere to go and nothing left to wait for."""
    if stage not in _LEADS_BACK or not _return_url(found):
        return None
    return address("way_back.go_back", token=portal().links.token(found))


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
