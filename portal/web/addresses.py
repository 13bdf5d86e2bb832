"""Addresses of our own pages."""

from __future__ import annotations

from typing import Any

from flask import url_for

from portal.domain.onboarding import Onboarding
from portal.web.context import portal
from portal.web.i18n import chosen_language
from portal.web.via import came_via


def address(endpoint: str, **values: str | None) -> str:
    """Keeps the language that was asked for by hand, and how this device came here."""
    parameters: dict[str, Any] = {"lang": chosen_language(), "via": came_via(), **values}
    return url_for(endpoint, **parameters)


def page_address(found: Onboarding) -> str:
    return address("pages.onboarding", token=portal().links.token(found))
