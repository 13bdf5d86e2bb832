"""Starts without a partner's backend: the portal's own first page, and that of a partner that switched it on."""

from __future__ import annotations

from flask import abort, g, redirect, request
from flask.typing import ResponseReturnValue

from portal.domain.errors import LimitReached, StoreUnavailable
from portal.partners.registry import Partner
from portal.services.partners_page import PartnersPage
from portal.web.applicant.details_page import (
    details_form,
    details_page,
    details_response,
    invalid_form_response,
    limited_details_page,
    read_consent,
    work_page,
)
from portal.web.branding import public_partner, show_as_partner
from portal.web.context import portal
from portal.web.flood_guard import asks_for_work
from portal.web.framing import allow_framing
from portal.web.i18n import current_language
from portal.web.links import first_form_of
from portal.web.urls import onboarding_url, url_to


def show_form(slug: str | None = None) -> ResponseReturnValue:
    _owner_of_page(slug)
    return details_response(details_form(first_form_of(slug)), _address(slug))


def start_from_form(slug: str | None = None) -> ResponseReturnValue:
    partner = _owner_of_page(slug)
    form, action = details_form(first_form_of(slug)), _address(slug)
    refused = invalid_form_response(form, action)
    if refused:
        return refused
    if asks_for_work():
        return work_page(form, action, effort=1)
    try:
        onboarding = portal().onboardings.start(
            form.details,
            locale=current_language(),
            consent=read_consent(form).read_as(form.read_token.consent_version),
            nonce=form.read_token.nonce,
            address=request.remote_addr,
            effort=form.effort,
            page=_page_of(partner) if partner else None,
        )
    except StoreUnavailable:
        return details_page(form, action, status=503, unavailable=True)
    except LimitReached as limit:
        return limited_details_page(form, action, limit)
    return redirect(onboarding_url(onboarding), 303)


def _owner_of_page(slug: str | None) -> Partner | None:
    """A page that is switched off looks like one that does not exist."""
    if slug is None:
        if not portal().config.direct_start:
            abort(404)
        return None
    partner = public_partner(slug)
    if partner is None:
        abort(404)
    show_as_partner(partner)
    g.onboarding_locale = partner.locale
    allow_framing()
    return partner


def _page_of(partner: Partner) -> PartnersPage:
    return PartnersPage(
        partner=partner.slug,
        prefix=partner.known_as(""),
        return_url=next(iter(partner.return_urls), None),
        starts_per_day=partner.starts_per_day,
    )


def _address(slug: str | None) -> str:
    return url_to("applicant.start") if slug is None else url_to("applicant.start_at_partner", slug=slug)
