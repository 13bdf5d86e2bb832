"""The one table from errors to answers: a page with a next step, or a problem document."""

from __future__ import annotations

import logging
import re
import secrets
from typing import Any

from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError, TooManyRequests

from portal.domain.errors import StoreUnavailable, UnknownOnboarding
from portal.domain.stage import Stage
from portal.web.context import portal
from portal.web.flood_guard import seconds_for_bad_links
from portal.web.links import BadLink, ExpiredLink, SwitchedOffLink
from portal.web.page_parts import Part, asks_for, lead_to
from portal.web.problem_details import problem, usual_problem, wants_json
from portal.web.refusals import Refusal
from portal.web.requesting_company import requesting_company
from portal.web.urls import url_to

log = logging.getLogger(__name__)

NOT_FOUND = (
    _("This page does not exist"),
    _("Check that the whole address was copied, or go back to where you got the link."),
)

_NOT_SAVED = (
    _("We could not save this"),
    _("Wait a little, open the page again and press the button once more."),
)

_REFUSALS: dict[type[HTTPException], Refusal] = {
    SecurityError: Refusal.FOREIGN_HOST,
    RequestEntityTooLarge: Refusal.TOO_LARGE,
}
_HELPED = {404, 410, 500}
"""Errors that may not go away by themselves, so the page offers contact."""

_PICTURES = {410: Stage.EXPIRED, 429: Stage.DELAYED, 503: Stage.DELAYED}

_JSON_DOORS = ("/webhooks/", "/api/", "/healthz", "/readyz", "/metrics")

_STATUS = re.compile(r"/o/[^/]+/status")
_ACCESS_LINK = re.compile(r"/o/([^/]+)")
_SIGNS_ONLY = re.compile(r"/[^\w/]{1,9}")

_PAGES: dict[int, tuple[Any, Any]] = {
    400: (_("Something in this request is not right"), _("Go back to the page you came from and try again.")),
    403: (
        _("This form was sent from another site"),
        _("For your safety it was not processed. Open the page again from your link and send the form there."),
    ),
    404: NOT_FOUND,
    405: (_("This page cannot be opened like that"), _("Go back to the page you came from and try again.")),
    410: (
        _("This link is no longer valid"),
        _("Links work for a limited time. Go back to the company that sent you here to get a new one."),
    ),
    413: (_("That was too much to send"), _("Nothing was saved. Go back and fill in the form again.")),
    429: (
        _("Too many requests are coming from your network"),
        _(
            "You can go on in less than a minute: go back then, look whether everything is still filled in, and press "
            "the button once more."
        ),
    ),
    500: (
        _("Something went wrong on our side"),
        _("What you had already sent is safe. Wait a moment and open the page again."),
    ),
    503: (
        _("We'll be back shortly"),
        _("Nothing is lost. Wait a little and open this page again."),
    ),
}


def init_errors(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(BadLink, _bad_link)
    app.register_error_handler(UnknownOnboarding, lambda _error: error_page(404))
    app.register_error_handler(ExpiredLink, lambda _error: error_page(410))
    app.register_error_handler(SwitchedOffLink, lambda _error: _switched_off())
    app.register_error_handler(StoreUnavailable, lambda _error: error_page(503))
    app.register_error_handler(Exception, _unexpected)


def error_page(status: int) -> Response:
    if status in {404, 410} and request.endpoint == "applicant.status" and asks_for(Part.STATUS):
        # An open page reloads and shows that its link has expired.
        return make_response(lead_to(url_for("applicant.onboarding", **request.view_args or {})))
    if _is_for_programs():
        return _readable(retry_soon(usual_problem(status)))
    return retry_soon(_page(status))


def retry_soon(response: Response) -> Response:
    """Adds Retry-After to a 503."""
    if response.status_code == 503:
        response.headers["Retry-After"] = "5"
    return response


def _bad_link(_error: BadLink) -> Response:
    repaired = _repaired_link()
    if repaired:
        return repaired
    portal().refusals.count(Refusal.BAD_LINK)
    seconds = seconds_for_bad_links()
    return error_page(404) if seconds is None else _http(TooManyRequests(retry_after=seconds))


def _switched_off() -> Response:
    return _readable(problem("switched_off")) if _is_for_programs() else error_page(410)


def _http(error: HTTPException) -> Response:
    if kind := next((kind for cause, kind in _REFUSALS.items() if isinstance(error, cause)), None):
        portal().refusals.count(kind)
    if error.response is not None or error.code is None or error.code < 400:
        return make_response(error.get_response())
    repaired = _repaired_link() if error.code == 404 else None
    if repaired:
        return repaired
    response = error_page(error.code)
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    if isinstance(error, TooManyRequests) and error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _repaired_link() -> Response | None:
    """Leads to the page that was meant, if signs got behind an address on its way through a mail or a chat."""
    if request.method not in {"GET", "HEAD"} or _is_for_programs():
        return None
    if found := _ACCESS_LINK.match(request.path):
        token = portal().access_links.repaired(found[1])
        return make_response(redirect(url_to("applicant.onboarding", token=token), 303)) if token else None
    is_start = _SIGNS_ONLY.fullmatch(request.path) and portal().config.direct_start
    return make_response(redirect(url_to("applicant.start"), 303)) if is_start else None


def _unexpected(error: Exception) -> Response:
    reference = secrets.token_hex(4)
    log.error("unexpected error, reference %s", reference, exc_info=error)
    if _is_for_programs():
        return _readable(problem("internal_error", f"reference {reference}"))
    return _page(500, reference)


def _is_for_programs() -> bool:
    return request.path.startswith(_JSON_DOORS) or (_STATUS.fullmatch(request.path) is not None and wants_json())


def _readable(response: Response) -> Response:
    """Lets any embedding page read the error; it contains nothing personal."""
    if _STATUS.fullmatch(request.path):
        response.access_control_allow_origin = "*"
    return response


def _page(status: int, reference: str | None = None) -> Response:
    title, message = _text(status)
    back_url = _way_back(status)
    page = render_template(
        "errors/error.html",
        title=title,
        message=message,
        reference=reference,
        back_url=back_url,
        company=requesting_company(),
        offers_contact=status in _HELPED,
        picture=_PICTURES.get(status, Stage.REJECTED),
    )
    return make_response(page, status)


def _text(status: int) -> tuple[Any, Any]:
    if status == 503 and request.method == "POST":
        return _NOT_SAVED
    return _PAGES.get(status) or _PAGES[400 if status < 500 else 500]


def _way_back(status: int) -> str | None:
    """The access link of this request, unless it is unknown or expired."""
    token = None if status in {404, 410} else (request.view_args or {}).get("token")
    return url_for("applicant.onboarding", token=token) if token else None
