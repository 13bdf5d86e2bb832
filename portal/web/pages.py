"""The applicant's door: the form, and everything under the access link."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.domain.errors import RetryRefused, StoreUnavailable
from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage
from portal.web.context import portal
from portal.web.errors import retry_soon
from portal.web.forms import COUNTRY_NAMES, ActionForm, DetailsForm
from portal.web.i18n import chosen_language, current_language, keep_language
from portal.web.security import refuse_cross_site
from portal.web.stage_view import StageView, view_of

pages = Blueprint("pages", __name__)
pages.before_request(refuse_cross_site)

DIRECT = "direct"
_LEAST_SESSION_LENGTH = 16
"""Shorter ones could be guessed."""
_HOME_COUNTRY = {"es-AR": "AR", "pt-BR": "BR"}


@dataclass(frozen=True, slots=True)
class Urls:
    page: str
    poll: str
    continue_: str
    retry: str
    stop: str


@pages.get("/")
def start() -> ResponseReturnValue:
    if not portal().config.direct_start:
        abort(404)
    return _form_answer(_details_form(DIRECT), _url("pages.start"))


@pages.post("/")
def submit() -> ResponseReturnValue:
    if not portal().config.direct_start:
        abort(404)
    form, action = _details_form(DIRECT), _url("pages.start")
    refusal = _refusal(form, action)
    if refusal:
        return refusal
    try:
        onboarding = portal().onboardings.start(
            form.details,
            locale=current_language(),
            consent_version=form.read_token.consent_version,
            nonce=form.read_token.nonce,
        )
    except StoreUnavailable:
        return _form_page(form, action, status=503, unavailable=True)
    return redirect(_page_url(onboarding), 303)


@pages.get("/o/<token>")
def onboarding(token: str) -> ResponseReturnValue:
    found = _watched(token)
    view = _view(found)
    if view.stage is Stage.DETAILS:
        return _form_answer(
            _details_form(found.id, found), _url("pages.onboarding", token=token), refused=view.details_refused
        )
    return render_template("onboarding/status.html", **_status_context(found, view), is_fragment=False)


@pages.post("/o/<token>")
def correct(token: str) -> ResponseReturnValue:
    found, action = _onboarding(token), _url("pages.onboarding", token=token)
    if _view(found).stage is not Stage.DETAILS:
        return redirect(action, 303)
    form = _details_form(found.id)
    refusal = _refusal(form, action)
    if refusal:
        return refusal
    try:
        portal().onboardings.give_details(found.id, form.details, consent_version=form.read_token.consent_version)
    except StoreUnavailable:
        return _form_page(form, action, status=503, unavailable=True)
    return redirect(action, 303)


@pages.get("/o/<token>/status")
def status(token: str) -> ResponseReturnValue:
    found = _watched(token)
    view = _view(found)
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return _status_json(view)
    if view.stage is Stage.DETAILS:
        return _go_to("pages.onboarding", token)
    if view.stage is Stage.READY and view.may_continue:
        return _go_to("pages.open_hosted_page", token)
    if request.args.get("v") == view.version:
        return "", 204
    return render_template("onboarding/_status.html", **_status_context(found, view), is_fragment=True)


@pages.get("/o/<token>/continue")
def open_hosted_page(token: str) -> ResponseReturnValue:
    found = _onboarding(token)
    if request.method == "HEAD":  # a link scanner's look is nobody's visit
        return redirect(_url("pages.onboarding", token=token), 303)
    return redirect(portal().onboardings.open_hosted_page(found.id) or _url("pages.onboarding", token=token), 303)


@pages.post("/o/<token>/retry")
def retry(token: str) -> ResponseReturnValue:
    found = _onboarding(token)
    form = _checked_action(found)
    # Where it is refused, the page says where things stand and what can be done.
    with contextlib.suppress(RetryRefused):
        portal().onboardings.retry(found.id, after_attempt=form.attempt.data)
    return redirect(_url("pages.onboarding", token=token), 303)


@pages.post("/o/<token>/stop")
def stop(token: str) -> ResponseReturnValue:
    found = _onboarding(token)
    _checked_action(found)
    portal().onboardings.stop(found.id)
    return redirect(_url("pages.onboarding", token=token), 303)


@pages.get("/return")
def came_back() -> ResponseReturnValue:
    """Where the hosted page may send people; what it says of the outcome is not listened to."""
    session_id = request.args.get("verificationSessionId", "")
    found = portal().onboardings.came_back(session_id) if len(session_id) >= _LEAST_SESSION_LENGTH else None
    if found:
        return redirect(_page_url(found), 303)
    return render_template("onboarding/came_back.html")


def _onboarding(token: str) -> Onboarding:
    found = portal().onboardings.get(portal().links.onboarding_id(token))
    keep_language(found.locale)
    return found


def _watched(token: str) -> Onboarding:
    found = _onboarding(token)
    # Who looks is a hint for the engine, and no reason to fail.
    with contextlib.suppress(StoreUnavailable):
        portal().onboardings.watch(found)
    return found


def _view(found: Onboarding) -> StageView:
    return view_of(found, max_attempts=portal().config.max_attempts, now=portal().clock(), locale=current_language())


def _go_to(endpoint: str, token: str) -> ResponseReturnValue:
    target = _url(endpoint, token=token)
    if request.headers.get("HX-Request"):
        return "", 200, {"HX-Redirect": target}
    return redirect(target, 303)


def _status_context(found: Onboarding, view: StageView) -> dict[str, object]:
    token = portal().links.token(found)
    return {
        "view": view,
        "urls": Urls(
            page=_url("pages.onboarding", token=token),
            poll=_url("pages.status", token=token, v=view.version),
            continue_=_url("pages.open_hosted_page", token=token),
            retry=_url("pages.retry", token=token),
            stop=_url("pages.stop", token=token),
        ),
        "action_form": ActionForm(portal().tokens, found.id, attempt=view.attempt),
        "reference": found.id[:8],
    }


def _status_json(view: StageView) -> Response:
    return jsonify(
        stage=view.stage,
        status=view.status,
        reason=view.reason,
        attempts_left=view.attempts_left,
        poll_after_seconds=math.ceil(view.poll_after) if view.poll_after else None,
    )


def _checked_action(found: Onboarding) -> ActionForm:
    form = ActionForm(portal().tokens, found.id)
    if not form.validate():
        abort(400)
    return form


def _details_form(subject: str, found: Onboarding | None = None) -> DetailsForm:
    chosen = request.args.get("country")
    form = DetailsForm(portal().tokens, subject, default_country=_HOME_COUNTRY.get(current_language(), "AR"))
    if found and found.details:
        form.fill_in(found.details)
    if chosen in COUNTRY_NAMES and not form.is_submitted():
        form.country.data = chosen
    return form


def _refusal(form: DetailsForm, action: str) -> ResponseReturnValue | None:
    """The form again: for another country without JavaScript, or with what is wrong in it."""
    if request.form.get("action") == "country":
        return _form_page(form, action)
    return None if form.validate() else _form_page(form, action, status=400)


def _form_answer(form: DetailsForm, action: str, *, refused: bool = False) -> ResponseReturnValue:
    if request.headers.get("HX-Request"):
        return render_template("onboarding/_document.html", form=form)
    return _form_page(form, action, refused=refused)


def _form_page(
    form: DetailsForm, action: str, *, status: int = 200, refused: bool = False, unavailable: bool = False
) -> Response:
    if unavailable:
        form.keep_token()
    page = render_template(
        "onboarding/start.html",
        form=form,
        action=action,
        fragment_url=action,
        details_refused=refused,
        unavailable=unavailable,
    )
    return retry_soon(make_response(page, status))


def _page_url(found: Onboarding) -> str:
    return _url("pages.onboarding", token=portal().links.token(found))


def _url(endpoint: str, **values: str) -> str:
    """Keeps the language that was asked for by hand."""
    parameters: dict[str, Any] = {**values, "lang": chosen_language()}
    return url_for(endpoint, **parameters)
