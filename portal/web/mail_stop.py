"""Where the one click of a mail's `List-Unsubscribe` leads: no login, and no token of a form (RFC 8058)."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, abort, render_template

from portal.domain.errors import UnknownOnboarding
from portal.web.branding import branded_partner, show_as
from portal.web.context import portal
from portal.web.requesting_company import requesting_company

mails = Blueprint("mails", __name__)


@mails.get("/mails/<key>/stop")
def stop(key: str) -> str:
    """Only asks: programs that check mails open every link."""
    _asked_for(key)
    return render_template("mail/stop.html", key=key, is_done=False, company=requesting_company())


@mails.post("/mails/<key>/stop")
def stopped(key: str) -> str:
    """The same answer if there are none to be stopped any more."""
    portal().stop_mails(_asked_for(key), portal().clock())
    return render_template("mail/stop.html", key=key, is_done=True, company=requesting_company())


def _asked_for(key: str) -> str:
    """The onboarding's id. The page is in its language and its partner's look, also after it is over."""
    onboarding_id = portal().mail_keys.onboarding_id(key) or abort(404)
    with suppress(UnknownOnboarding):  # purged: nobody is written to about it any more
        show_as(portal().onboardings.get(onboarding_id))
    return onboarding_id


def gets_mails() -> bool:
    """True if the portal writes to addresses that are given on this page."""
    partner = branded_partner()
    has_server = portal().config.smtp_server is not None
    return has_server and portal().partners.wants_mails(partner.slug if partner else None)
