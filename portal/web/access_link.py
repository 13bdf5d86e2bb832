"""What an access link opens."""

from __future__ import annotations

from typing import TypeVar

from portal.domain.onboarding import Onboarding
from portal.services.ports import PollState
from portal.web.branding import branded_partner, show_as
from portal.web.context import portal
from portal.web.links import ExpiredLink

Opened = TypeVar("Opened", Onboarding, PollState)


def open_access_link(token: str) -> Onboarding:
    """Raises `BadLink` or `UnknownOnboarding`; `ExpiredLink` also after an erasure or if the partner is disabled."""
    return _opened(portal().onboardings.get(portal().access_links.onboarding_id(token)))


def open_for_poll(token: str) -> PollState:
    """The same checks as `open_access_link`, with a smaller read."""
    return _opened(portal().onboardings.poll_state(portal().access_links.onboarding_id(token)))


def _opened(found: Opened) -> Opened:
    show_as(found)
    partner = branded_partner()
    if found.erased_at or (found.partner and not (partner and partner.enabled)):
        raise ExpiredLink
    return found
