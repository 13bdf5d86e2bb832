"""The applicant's door: the form, and everything under the access link."""

from __future__ import annotations

import contextlib

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from portal.domain.errors import RetryRefused, StoreUnavailable
from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.web.access import opened
from portal.web.addresses import address, page_address
from portal.web.agreement import agreed, agreement_page, refused_page
from portal.web.capture import after_hosted_page, instead_of_hosted_page, opens_by_itself
from portal.web.context import portal
from portal.web.embed import let_embedders_read, may_be_framed
from portal.web.form_page import details_form, form_answer, form_page, kept_unread, refusal
from portal.web.forms import ActionForm
from portal.web.i18n import current_language
from portal.web.problems import wants_json
from portal.web.security import refuse_cross_site
from portal.web.status_page import status_fragment, status_json, status_page, version_shown, view_now

pages = Blueprint("pages", __name__)
pages.before_request(refuse_cross_site)

DIRECT = "direct"
_LEAST_SESSION_LENGTH = 16
"""Shorter ones could be guessed."""


@pages.get("/")
def start() -> ResponseReturnValue:
    if not portal().config.direct_start:
        abort(404)
    return form_answer(details_form(DIRECT), address("pages.start"))


@pages.post("/")
def submit() -> ResponseReturnValue:
    if not portal().config.direct_start:
        abort(404)
    form, action = details_form(DIRECT), address("pages.start")
    refused = refusal(form, action)
    if refused:
        return refused
    try:
        onboarding = portal().onboardings.start(
            form.details,
            locale=current_language(),
            consent_version=form.read_token.consent_version,
            nonce=form.read_token.nonce,
        )
    except StoreUnavailable:
        return form_page(form, action, status=503, unavailable=True)
    return redirect(page_address(onboarding), 303)


@pages.get("/o/<token>")
def onboarding(token: str) -> ResponseReturnValue:
    found = _watched(token)
    view = view_now(found)
    if view.stage is Stage.DETAILS and found.given_by_partner:
        is_new = found.only_consent_is_missing
        return agreement_page(found, address("pages.onboarding", token=token)) if is_new else refused_page(found)
    if view.stage is Stage.DETAILS:
        return form_answer(
            details_form(found.id, found), address("pages.onboarding", token=token), refused=view.details_refused
        )
    return status_page(found, view)


@pages.post("/o/<token>")
def correct(token: str) -> ResponseReturnValue:
    action = address("pages.onboarding", token=token)
    try:
        found = _onboarding(token)
    except StoreUnavailable:
        return kept_unread(portal().links.onboarding_id(token), action)
    if view_now(found).stage is not Stage.DETAILS:
        return redirect(action, 303)
    if found.given_by_partner:
        return agreed(found, action) if found.only_consent_is_missing else redirect(action, 303)
    form = details_form(found.id)
    refused = refusal(form, action)
    if refused:
        return refused
    try:
        portal().onboardings.give_details(found.id, form.details, consent_version=form.read_token.consent_version)
    except StoreUnavailable:
        return form_page(form, action, status=503, unavailable=True)
    return redirect(action, 303)


@pages.get("/o/<token>/status")
def status(token: str) -> ResponseReturnValue:
    found = _watched(token)
    view = view_now(found)
    if wants_json():
        return let_embedders_read(status_json(view), found)
    if view.stage is Stage.DETAILS:
        return _go_to("pages.onboarding", token)
    if view.stage is Stage.READY and view.may_continue and opens_by_itself(found):
        return _go_to("pages.open_hosted_page", token)
    if request.args.get("v") == version_shown(view):
        return "", 204
    return status_fragment(found, view)


@pages.get("/o/<token>/continue")
def open_hosted_page(token: str) -> ResponseReturnValue:
    found = _onboarding(token)
    if request.method == "HEAD":  # a link scanner's look is nobody's visit
        return redirect(address("pages.onboarding", token=token), 303)
    hosted_page = portal().onboardings.open_hosted_page(found.id)
    return redirect(hosted_page or instead_of_hosted_page(found, address("pages.onboarding", token=token)), 303)


@pages.post("/o/<token>/retry")
def retry(token: str) -> ResponseReturnValue:
    found = _onboarding(token)
    form = _checked_action(found)
    # Where it is refused, the page says where things stand and what can be done.
    with contextlib.suppress(RetryRefused):
        portal().onboardings.retry(found.id, after_attempt=form.attempt.data)
    return redirect(address("pages.onboarding", token=token), 303)


@pages.post("/o/<token>/stop")
def stop(token: str) -> ResponseReturnValue:
    found = _onboarding(token)
    _checked_action(found)
    portal().onboardings.stop(found.id)
    return redirect(address("pages.onboarding", token=token), 303)


@pages.get("/return")
def came_back() -> ResponseReturnValue:
    """Where the hosted page may send people; what it says of the outcome is not listened to."""
    session_id = request.args.get("verificationSessionId", "")
    found = portal().onboardings.came_back(session_id) if len(session_id) >= _LEAST_SESSION_LENGTH else None
    return after_hosted_page(found)


def _onboarding(token: str) -> Onboarding:
    found = opened(token)
    may_be_framed(found)
    return found


def _watched(token: str) -> Onboarding:
    found = _onboarding(token)
    # Who looks is a hint for the engine, and no reason to fail.
    with contextlib.suppress(StoreUnavailable):
        portal().onboardings.watch(found)
    return found


def _go_to(endpoint: str, token: str) -> ResponseReturnValue:
    target = address(endpoint, token=token)
    if request.headers.get("HX-Request"):
        return "", 200, {"HX-Redirect": target}
    return redirect(target, 303)


def _checked_action(found: Onboarding) -> ActionForm:
    form = ActionForm(portal().tokens, found.id)
    if not form.validate():
        abort(400)
    return form
