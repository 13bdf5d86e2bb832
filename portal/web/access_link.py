"""What an access link opens."""

from __future__ import annotations

from typing import TypeVar

from portal.domain.onboarding import Onboarding
from portal.partners.registry import Registry
from portal.services.ports import PollState
from portal.web.branding import show_as
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
    if not is_open(found, portal().partners):
        raise ExpiredLink
    return found


def is_open(found: Onboarding | PollState, partners: Registry) -> bool:
    """False after an erasure, or if its partner is disabled or gone."""
    partner = partners.get(found.partner)
    return found.erased_at is None and (not found.partner or (partner is not None and partner.enabled))
