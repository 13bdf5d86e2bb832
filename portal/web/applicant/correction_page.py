"""The page on which an applicant gives the document number once more.

A page of its own: without JavaScript the status page reloads itself, and would lose what was typed.
"""

from __future__ import annotations

import contextlib

from flask import Response, make_response, redirect, render_template
from flask.typing import ResponseReturnValue

from portal.domain.errors import CorrectionRefused, StoreUnavailable
from portal.domain.onboarding import Onboarding
from portal.domain.reference import reference_of
from portal.web.applicant.forms import CorrectionForm
from portal.web.context import portal
from portal.web.error_pages import retry_soon
from portal.web.requesting_company import requesting_company
from portal.web.urls import onboarding_url, url_to


def correction_page(found: Onboarding) -> ResponseReturnValue:
    if not portal().onboardings.standing(found).may_correct_number:
        return redirect(onboarding_url(found), 303)
    return _page(_form(found), found)


def record_correction(found: Onboarding) -> ResponseReturnValue:
    """The status page says what came of it, also if it was too late."""
    if not portal().onboardings.standing(found).may_correct_number:
        return redirect(onboarding_url(found), 303)
    form = _form(found)
    if not form.validate():
        return _page(form, found, status=400)
    if not form.number_was_shown:
        return _page(form, found, compares_number=True)
    try:
        with contextlib.suppress(CorrectionRefused):
            portal().onboardings.correct_number(found.id, form.normalised_number, **form.names)
    except StoreUnavailable:
        form.keep_token()
        return _page(form, found, status=503)
    return redirect(onboarding_url(found), 303)


def _form(found: Onboarding) -> CorrectionForm:
    return CorrectionForm(
        portal().form_tokens, found.id, country=found.country or "", with_names=not found.entity_is_own
    )


def _page(form: CorrectionForm, found: Onboarding, *, status: int = 200, compares_number: bool = False) -> Response:
    form.show_number()
    token = portal().access_links.token(found)
    page = render_template(
        "onboarding/correct.html",
        form=form,
        action=url_to("applicant.correct_number", token=token),
        page_url=url_to("applicant.onboarding", token=token),
        company=requesting_company(),
        reference=reference_of(found.id),
        compares_number=compares_number,
        unavailable=status == 503,
    )
    return retry_soon(make_response(page, status))
