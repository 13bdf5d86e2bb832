"""Refuses what comes too often from one source, before it costs more than the refusal.

Nobody is locked out because of those with the same address: above the limit of forms the browser works for a moment,
or the person waits a minute, as above the limits of starts; a link's buttons are counted by link.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, g, request
from werkzeug.exceptions import TooManyRequests

from portal.domain.proof_of_work import effort_shown
from portal.domain.start_limits import address_block
from portal.web.branding import public_partner, show_as_partner
from portal.web.context import portal
from portal.web.framing import allow_framing
from portal.web.links import StaleForm, first_form_of
from portal.web.refusals import Refusal
from portal.web.request_limits import Limited

_FIRST_FORMS = {"applicant.submit", "applicant.submit_at_partner"}
_API = "/api/"


def init_flood_guard(app: Flask) -> None:
    app.before_request(_refuse_floods)


def asks_for_work() -> bool:
    """Whether this form is above its address's limit, and nothing was done for it yet."""
    return bool(g.get("asks_for_work"))


def seconds_for_bad_links() -> int | None:
    """After one more link that leads nowhere: how long no further ones are looked at, if there were too many."""
    return portal().request_limits.seconds_left(Limited.BAD_LINK, _source())


def _refuse_floods() -> None:
    if request.path.startswith(_API):
        _refuse_above(Limited.API, _source())
    elif request.method == "POST" and request.endpoint in _FIRST_FORMS:
        _limit_first_form()
    elif request.method == "POST" and (link := _link_of_ours()):
        _refuse_above(Limited.BUTTON, _source(), link)


def _limit_first_form() -> None:
    if portal().request_limits.seconds_left(Limited.FORM, _source()) is None:
        return
    _show_as_owner()
    token, proof = request.form.get("form_token", ""), request.form.get("proof", "")
    if effort_shown(token, proof, _age(token)) > 0:
        _refuse_above(Limited.PROVED_FORM, token)
        return
    _refuse_above(Limited.WORK, _source())
    portal().refusals.count(Refusal.FLOOD)
    g.asks_for_work = True


def _show_as_owner() -> None:
    """A refusal in a partner's frame is shown there, in the partner's look."""
    slug = (request.view_args or {}).get("slug")
    partner = public_partner(slug) if slug else None
    if partner:
        show_as_partner(partner)
        g.onboarding_locale = partner.locale
        allow_framing()


def _age(form_token: str) -> timedelta:
    slug = (request.view_args or {}).get("slug")
    try:
        return portal().form_tokens.read(form_token, first_form_of(slug)).age
    except StaleForm:
        return timedelta()


def _link_of_ours() -> str | None:
    """None for a made-up one: each would be a count of its own. `seconds_for_bad_links` counts them together."""
    link = (request.view_args or {}).get("token")
    return link if link and portal().access_links.is_ours(link) else None


def _refuse_above(kind: Limited, *source: str) -> None:
    seconds = portal().request_limits.seconds_left(kind, *source)
    if seconds is not None:
        portal().refusals.count(Refusal.FLOOD)
        raise TooManyRequests(retry_after=seconds)


def _source() -> str:
    return address_block(request.remote_addr or "")
