"""The details form: the whole page, or only the fields that depend on the country."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from portal.domain.onboarding import Onboarding, StallReason
from portal.web.applicant.forms import DetailsForm
from portal.web.context import portal
from portal.web.countries import COUNTRY_NAMES
from portal.web.error_pages import error_page, retry_soon
from portal.web.i18n import current_language
from portal.web.requesting_company import hide_company, requesting_company

_HOME_COUNTRY = {"es-AR": "AR", "pt-BR": "BR"}


def details_form(subject: str, found: Onboarding | None = None) -> DetailsForm:
    chosen = request.args.get("country")
    form = DetailsForm(portal().form_tokens, subject, default_country=_HOME_COUNTRY.get(current_language(), "AR"))
    if found and found.details:
        form.fill_in(found.details)
        if found.stall_reason is StallReason.DETAILS_REFUSED and not chosen:
            form.mark_refused(found.details.document_number)
    if chosen in COUNTRY_NAMES and not form.is_submitted():
        form.country.data = chosen
    return form


def invalid_form_response(form: DetailsForm, action: str) -> ResponseReturnValue | None:
    """The form again, if another country or language was chosen or a field is wrong; None if all is valid."""
    if request.form.get("action") in {"country", "language"}:
        return details_page(form, action)
    return None if form.validate() else details_page(form, action, status=400)


def redisplay_when_db_down(subject: str, action: str) -> ResponseReturnValue:
    """Keeps what was typed while the database is down; the onboarding itself cannot be read."""
    if "document_number" not in request.form:
        return error_page(503)  # a consent form, which must not be shown without the details it is about
    hide_company()
    form = details_form(subject)
    return invalid_form_response(form, action) or details_page(form, action, status=503, unavailable=True)


def details_response(form: DetailsForm, action: str, *, needs_details_again: bool = False) -> ResponseReturnValue:
    if request.headers.get("HX-Request"):
        return render_template("onboarding/_document.html", form=form)
    return details_page(form, action, needs_details_again=needs_details_again)


def details_page(
    form: DetailsForm,
    action: str,
    *,
    status: int = 200,
    needs_details_again: bool = False,
    unavailable: bool = False,
) -> Response:
    if unavailable:
        form.keep_token()
    page = render_template(
        "onboarding/start.html",
        form=form,
        action=action,
        fragment_url=action,
        needs_details_again=needs_details_again,
        unavailable=unavailable,
        company=requesting_company(),
    )
    return retry_soon(make_response(page, status))
