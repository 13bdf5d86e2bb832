"""URLs of our own pages."""

from __future__ import annotations

from typing import Any

from flask import url_for

from portal.domain.onboarding import Onboarding
from portal.web.context import portal
from portal.web.entry_device import entry_device
from portal.web.i18n import chosen_language
from portal.web.slots import slot


def url_to(endpoint: str, **values: str | None) -> str:
    """Keeps the chosen language and the entry device as parameters."""
    parameters: dict[str, Any] = {"lang": chosen_language(), "via": entry_device(), **values}
    return url_for(endpoint, **parameters)


def onboarding_url(found: Onboarding) -> str:
    return url_to("applicant.onboarding", token=token_of(found))


def token_of(found: Onboarding) -> str:
    return slot("token", portal().access_links.token(found))
