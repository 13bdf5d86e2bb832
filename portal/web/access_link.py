"""What an access link opens."""

from __future__ import annotations

from typing import TypeVar

from portal.domain.onboarding import Onboarding
from portal.partners.registry import Registry
from portal.services.ports import PollState
from portal.web.branding import show_as
from portal.web.context import portal
from portal.web.links import ExpiredLink, ReadLink, SwitchedOffLink

Opened = TypeVar("Opened", Onboarding, PollState)


def open_access_link(token: str) -> Onboarding:
    """Raises `BadLink` or `UnknownOnboarding`; `ExpiredLink` also where `is_open` is false."""
    link = portal().access_links.read(token)
    return _opened(portal().onboardings.get(link.onboarding_id), link)


def open_for_poll(token: str) -> PollState:
    """The same checks as `open_access_link`, with a smaller read."""
    link = portal().access_links.read(token)
    return _opened(portal().onboardings.poll_state(link.onboarding_id), link)


def _opened(found: Opened, link: ReadLink) -> Opened:
    show_as(found)
    partners = portal().partners
    if not is_open(found, link, partners):
        raise SwitchedOffLink if _is_current(found, link) and partners.get(found.partner) else ExpiredLink
    return found


def is_open(found: Onboarding | PollState, link: ReadLink, partners: Registry) -> bool:
    """False after an erasure, if another link took the place of this one, or if its partner is disabled or gone."""
    if not _is_current(found, link):
        return False
    partner = partners.get(found.partner)
    return not found.partner or (partner is not None and partner.enabled)


def _is_current(found: Onboarding | PollState, link: ReadLink) -> bool:
    return found.erased_at is None and found.link_generation == link.generation
