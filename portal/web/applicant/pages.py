"""The applicant's pages: the form, and everything under the access link."""

from __future__ import annotations

import contextlib

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from portal.domain.errors import RetryRefused, StoreUnavailable
from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.web.access_link import open_access_link, open_for_poll
from portal.web.applicant.capture import (
    after_hosted_page,
    ask_to_open,
    forward_to_hosted_page,
    instead_of_hosted_page,
    opens_by_itself,
)
from portal.web.applicant.consent_page import consent_page, record_consent, refused_page
from portal.web.applicant.correction_page import correction_page, record_correction
from portal.web.applicant.details_page import (
    details_form,
    details_page,
    details_response,
    invalid_form_response,
    read_consent,
    redisplay_when_db_down,
)
from portal.web.applicant.erasure_page import erasure_page, record_erasure_request
from portal.web.applicant.first_page import show_form, start_from_form
from portal.web.applicant.forms import ActionForm
from portal.web.applicant.poll_version import PollVersion
from portal.web.applicant.preview import preview
from portal.web.applicant.status_page import shows_current, status_fragment, status_json, status_page, view_now
from portal.web.context import portal
from portal.web.framing import allow_embedders_to_read, allow_framing
from portal.web.i18n import current_language
from portal.web.page_parts import Part, asks_for, camera_is_blocked, lead_to
from portal.web.problem_details import wants_json
from portal.web.security import refuse_cross_site
from portal.web.urls import url_to
from portal.web.visits import is_of_robot, is_prefetch, is_visit, navigates

applicant = Blueprint("applicant", __name__)
applicant.before_request(refuse_cross_site)


@applicant.before_request
def show_robots_nothing_of_the_person() -> ResponseReturnValue | None:
    if request.endpoint in _FOR_PEOPLE and is_of_robot():
        return preview((request.view_args or {}).get("slug"))
    return None


_FOR_PEOPLE = {"applicant.start", "applicant.start_at_partner", "applicant.onboarding", "applicant.open_hosted_page"}
_LEAST_SESSION_LENGTH = 16
"""Shorter session ids could be guessed."""


@applicant.get("/")
def start() -> ResponseReturnValue:
    return show_form()


@applicant.post("/")
def submit() -> ResponseReturnValue:
    return start_from_form()


@applicant.get("/s/<slug>")
def start_at_partner(slug: str) -> ResponseReturnValue:
    return show_form(slug)


@applicant.post("/s/<slug>")
def submit_at_partner(slug: str) -> ResponseReturnValue:
    return start_from_form(slug)


@applicant.get("/o/<token>")
def onboarding(token: str) -> ResponseReturnValue:
    found = _watched(token)
    view = view_now(found)
    if view.stage is Stage.DETAILS and found.given_by_partner:
        is_new = found.only_consent_is_missing
        return consent_page(found, url_to("applicant.onboarding", token=token)) if is_new else refused_page(found)
    if view.stage is Stage.DETAILS:
        return details_response(details_form(found.id, found), url_to("applicant.onboarding", token=token), found)
    return status_page(found, view)


@applicant.post("/o/<token>")
def correct(token: str) -> ResponseReturnValue:
    action = url_to("applicant.onboarding", token=token)
    try:
        found = _onboarding(token)
    except StoreUnavailable:
        return redisplay_when_db_down(portal().access_links.onboarding_id(token), action)
    if view_now(found).stage is not Stage.DETAILS:
        return redirect(action, 303)
    if found.given_by_partner:
        return record_consent(found, action) if found.only_consent_is_missing else redirect(action, 303)
    form = details_form(found.id, found)
    refused = invalid_form_response(form, action, found)
    if refused:
        return refused
    try:
        portal().onboardings.give_details(
            found.id,
            form.details,
            consent=read_consent(form).read_as(form.read_token.consent_version),
            address=request.remote_addr,
        )
    except StoreUnavailable:
        return details_page(form, action, found, status=503, unavailable=True)
    return redirect(action, 303)


@applicant.get("/o/<token>/number")
def show_correction(token: str) -> ResponseReturnValue:
    return correction_page(_onboarding(token))


@applicant.post("/o/<token>/number")
def correct_number(token: str) -> ResponseReturnValue:
    return record_correction(_onboarding(token))


@applicant.get("/o/<token>/status")
def status(token: str) -> ResponseReturnValue:
    page_version = PollVersion.read(request.args.get("v", ""))
    if page_version and not page_version.opens_hosted_page and not wants_json() and _is_unchanged(token, page_version):
        return "", 204
    found = _watched(token)
    view = view_now(found)
    if wants_json():
        return allow_embedders_to_read(status_json(view))
    if view.stage is Stage.DETAILS:
        return lead_to(url_to("applicant.onboarding", token=token))
    if asks_for(Part.STATUS) and view.stage is Stage.READY and view.may_continue and opens_by_itself(found):
        return lead_to(url_to("applicant.open_hosted_page", token=token))
    if page_version == view.version:
        return "", 204
    return status_fragment(found, view)


@applicant.get("/o/<token>/continue")
def open_hosted_page(token: str) -> ResponseReturnValue:
    """Only for a person: whatever looks at links ahead of them would use up the hosted page."""
    found = _onboarding(token)
    if is_prefetch(request.headers):
        return "", 503  # so that the browser asks again when its person comes
    if not is_visit() or navigates() is False:
        return redirect(url_to("applicant.onboarding", token=token), 303)
    if navigates() is None:
        return ask_to_open(found, url_to("applicant.open_when_asked", token=token))
    return redirect(_hosted_page(found, token), 303)


@applicant.post("/o/<token>/continue")
def open_when_asked(token: str) -> ResponseReturnValue:
    """For browsers that do not say whether a person goes there, as scanners do not."""
    found = _onboarding(token)
    if not ActionForm(portal().form_tokens, found.id).validate():
        return _with_fresh_button(found)
    return forward_to_hosted_page(found, _hosted_page(found, token))


@applicant.post("/o/<token>/retry")
def retry(token: str) -> ResponseReturnValue:
    found = _onboarding(token)
    form = ActionForm(portal().form_tokens, found.id)
    if not form.validate():
        return _with_fresh_button(found)
    # If refused, the status page says why.
    with contextlib.suppress(RetryRefused):
        portal().onboardings.retry(found.id, after_attempt=form.attempt.data)
    return redirect(url_to("applicant.onboarding", token=token), 303)


@applicant.post("/o/<token>/photos-done")
def end_photos(token: str) -> ResponseReturnValue:
    found = _onboarding(token)
    form = ActionForm(portal().form_tokens, found.id)
    if not form.validate():
        return _with_fresh_button(found)
    if form.attempt.data == found.validation_number:
        portal().onboardings.record_photos_done(found.id)
    return redirect(url_to("applicant.onboarding", token=token), 303)


@applicant.post("/o/<token>/stop")
def stop(token: str) -> ResponseReturnValue:
    found = _onboarding(token)
    if not ActionForm(portal().form_tokens, found.id).validate():
        return _with_fresh_button(found)
    portal().onboardings.stop(found.id)
    return redirect(url_to("applicant.onboarding", token=token), 303)


@applicant.get("/o/<token>/erasure")
def show_erasure(token: str) -> ResponseReturnValue:
    return erasure_page(_onboarding(token))


@applicant.post("/o/<token>/erasure")
def ask_for_erasure(token: str) -> ResponseReturnValue:
    return record_erasure_request(_onboarding(token))


@applicant.get("/return")
def came_back() -> ResponseReturnValue:
    """Where the hosted page may send people back to; its parameters about the outcome are ignored."""
    session_id = request.args.get("verificationSessionId", "")
    found = portal().onboardings.record_return(session_id) if len(session_id) >= _LEAST_SESSION_LENGTH else None
    return after_hosted_page(found)


def _onboarding(token: str) -> Onboarding:
    found = open_access_link(token)
    allow_framing()
    return found


def _hosted_page(found: Onboarding, token: str) -> str:
    hosted_page = portal().onboardings.open_hosted_page(found.id)
    return hosted_page or instead_of_hosted_page(found, url_to("applicant.onboarding", token=token))


def _watched(token: str) -> Onboarding:
    found = _onboarding(token)
    if is_visit():
        here = portal()
        here.onboardings.views.note(found, here.clock())
    return found


def _is_unchanged(token: str, page_version: PollVersion) -> bool:
    state, here = open_for_poll(token), portal()
    now = here.clock()
    allow_framing()
    if is_visit():
        here.onboardings.views.note(state, now)
    locale, is_blocked = current_language(), camera_is_blocked()
    return shows_current(page_version, state, here, now, locale=locale, is_camera_blocked=is_blocked)


def _with_fresh_button(found: Onboarding) -> ResponseReturnValue:
    view = view_now(found)
    if view.stage is Stage.DETAILS:
        abort(400)  # a form, which has no such button
    return status_page(found, view, button_was_stale=True), 400
