"""What an access link opens."""

from __future__ import annotations

from portal.domain.onboarding import Onboarding
from portal.web.branding import brand_as, branded_partner
from portal.web.context import portal
from portal.web.i18n import keep_language
from portal.web.links import ExpiredLink


def open_access_link(token: str) -> Onboarding:
    """Raises `BadLink` and `UnknownOnboarding`, and `ExpiredLink` for who was erased or whose partner is off, too."""
    found = portal().onboardings.get(portal().access_links.onboarding_id(token))
    keep_language(found.locale)
    brand_as(found.partner)
    partner = branded_partner()
    if found.erased_at or (found.partner and not (partner and partner.enabled)):
        raise ExpiredLink
    return found
