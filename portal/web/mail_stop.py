"""Where the one click of a mail's `List-Unsubscribe` leads: no login, and no token of a form (RFC 8058)."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from portal.web.branding import branded_partner
from portal.web.context import portal

mails = Blueprint("mails", __name__)


@mails.get("/mails/<key>/stop")
def stop(key: str) -> str:
    """Only asks: programs that check mails open every link."""
    _asked_for(key)
    return render_template("mail/stop.html", key=key, is_done=False)


@mails.post("/mails/<key>/stop")
def stopped(key: str) -> str:
    """The same answer if there are none to be stopped any more."""
    portal().stop_mails(_asked_for(key))
    return render_template("mail/stop.html", key=key, is_done=True)


def _asked_for(key: str) -> str:
    return portal().mail_keys.onboarding_id(key) or abort(404)


def gets_mails() -> bool:
    """Whether whoever gives an address on this page is written to."""
    partner = branded_partner()
    has_server = portal().config.smtp_server is not None
    return has_server and portal().partners.wants_mails(partner.slug if partner else None)
