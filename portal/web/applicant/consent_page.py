"""The consent page of a customer whose details came from the partner."""

from __future__ import annotations

from flask import Response, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from portal.domain.errors import StoreUnavailable
from portal.domain.onboarding import Onboarding
from portal.domain.reference import reference_of
from portal.web.applicant.details_page import asked_again
from portal.web.applicant.forms import ConsentForm
from portal.web.consent import ShownConsent, consent_text
from portal.web.context import portal
from portal.web.error_pages import retry_soon
from portal.web.requesting_company import requesting_company

_SHOWN_DIGITS = 3
"""Digits of the document number: enough to recognise your own, too few to learn somebody else's."""


def consent_page(found: Onboarding, action: str) -> Response:
    return _page(_form(found), found, action)


def refused_page(found: Onboarding) -> str:
    """Shown if the partner's details have to be corrected or sent again, which the customer cannot do."""
    return render_template(
        "onboarding/refused.html",
        company=requesting_company(),
        reference=reference_of(found.id),
        asked_again=asked_again(found),
    )


def record_consent(found: Onboarding, action: str) -> ResponseReturnValue:
    form = _form(found)
    consent = _consent(found)
    if not form.validate():
        return _page(form, found, action, status=400)
    if not consent.was_read:
        form.consent.data = False
        return _page(form, found, action, consent_changed=True)
    try:
        portal().onboardings.give_details(
            found.id,
            None,
            consent=consent.read_as(form.read_token.consent_version),
            address=request.remote_addr,
        )
    except StoreUnavailable:
        form.keep_token()
        return _page(form, found, action, status=503)
    return redirect(action, 303)


def _form(found: Onboarding) -> ConsentForm:
    return ConsentForm(portal().form_tokens, found.id)


def _consent(found: Onboarding) -> ShownConsent:
    return consent_text(found.details.country if found.details else None, is_typed=False)


def _page(
    form: ConsentForm, found: Onboarding, action: str, *, status: int = 200, consent_changed: bool = False
) -> Response:
    page = render_template(
        "onboarding/agree.html",
        form=form,
        action=action,
        company=requesting_company(),
        reference=reference_of(found.id),
        number_end=found.details.document_number[-_SHOWN_DIGITS:] if found.details else "",
        unavailable=status == 503,
        consent_changed=consent_changed,
        consent=_consent(found),
    )
    return retry_soon(make_response(page, status))
