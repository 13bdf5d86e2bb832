"""A partner's request for a customer, assembled in one place for the API and for `portal partner link`."""

from __future__ import annotations

from portal.domain.errors import ReservedExternalId
from portal.partners.registry import Partner, Registry
from portal.services.partner_onboardings import CreateRequest
from portal.web.partner_api.api_models import OnboardingRequest

_LATER = ("reverify", "metadata", "purpose")


def create_request(
    registry: Registry, partner: Partner, sent: OnboardingRequest, *, default_locale: str
) -> CreateRequest:
    """`sent` was validated for `partner`. Raises `ReservedExternalId`."""
    if not registry.may_call(partner, sent.external_id):
        raise ReservedExternalId
    return CreateRequest(
        partner=partner.slug,
        external_id=sent.external_id,
        purpose=sent.purpose,
        known_as=partner.known_as(sent.external_id),
        locale=sent.locale or partner.locale or default_locale,
        return_url=partner.return_url(sent.return_url) if sent.return_url else None,
        state=sent.state,
        metadata=sent.metadata,
        capture=sent.capture,
        details=sent.applicant.details if sent.applicant else None,
        reverify=sent.reverify,
        # Without what a release before it did not know, so that a repeated request stays the same.
        sent_body=sent.model_dump_json(exclude={name for name in _LATER if not getattr(sent, name)}),
    )
