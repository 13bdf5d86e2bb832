"""The page on which somebody without a partner asks for their data to be erased."""

from __future__ import annotations

from flask import make_response, redirect, render_template
from flask.typing import ResponseReturnValue

from portal.domain.onboarding import Onboarding
from portal.domain.reference import reference_of
from portal.web.applicant.forms import ActionForm
from portal.web.context import portal
from portal.web.requesting_company import requesting_company
from portal.web.urls import onboarding_url, token_of, url_to


def erasure_url(found: Onboarding) -> str | None:
    """None if the applicant came from a partner, who erases."""
    if not portal().erasure_requests.is_open_to(found):
        return None
    return url_to("applicant.show_erasure", token=token_of(found))


def erasure_page(found: Onboarding, status: int = 200) -> ResponseReturnValue:
    if not portal().erasure_requests.is_open_to(found):
        return redirect(onboarding_url(found), 303)
    token = portal().access_links.token(found)
    page = render_template(
        "onboarding/erasure.html",
        asked=found.erasure_asked_at is not None,
        action=url_to("applicant.ask_for_erasure", token=token),
        action_form=ActionForm(portal().form_tokens, found.id, attempt=found.validation_number),
        page_url=onboarding_url(found),
        reference=reference_of(found.id),
        company=requesting_company(),
    )
    return make_response(page, status)


def record_erasure_request(found: Onboarding) -> ResponseReturnValue:
    """A stale button is shown again."""
    if not ActionForm(portal().form_tokens, found.id).validate():
        return erasure_page(found, status=400)
    portal().erasure_requests.ask(found.id)
    return redirect(url_to("applicant.show_erasure", token=portal().access_links.token(found)), 303)
