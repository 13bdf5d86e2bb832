"""What an access link opens."""

from __future__ import annotations

from portal.domain.onboarding import Onboarding
from portal.web.branding import branded_partner, show_as
from portal.web.context import portal
from portal.web.links import ExpiredLink


def open_access_link(token: str) -> Onboarding:
    """Raises `BadLink` or `UnknownOnboarding`; `ExpiredLink` also after an erasure or if the partner is disabled."""
    found = portal().onboardings.get(portal().access_links.onboarding_id(token))
    show_as(found)
    partner = branded_partner()
    if found.erased_at or (found.partner and not (partner and partner.enabled)):
        raise ExpiredLink
    return found
