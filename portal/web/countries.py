"""The countries that issue identity documents: those with their own number rules, and all others."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from babel import Locale
from flask_babel import get_locale
from flask_babel import lazy_gettext as _
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from portal.web.document_numbers import COUNTRIES

OTHER = "other"

COUNTRY_NAMES = {
    "AR": _("Argentina"),
    "BR": _("Brazil"),
    "MX": _("Mexico"),
    "CL": _("Chile"),
    "CO": _("Colombia"),
    "PE": _("Peru"),
    "UY": _("Uruguay"),
    OTHER: _("Another country"),
}

HOME_COUNTRIES = {"es-AR": "AR", "pt-BR": "BR"}
"""Of the languages that are spoken in one listed country."""

# CLDR territories that issue no identity documents.
_NO_COUNTRIES = {"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"}

ISSUERS = {code for code in map(str, Locale("en").territories) if len(code) == 2 and code.isalpha()} - _NO_COUNTRIES
"""ISO 3166-1 alpha-2."""


def other_countries() -> list[tuple[str, str]]:
    """The countries without their own rules, named in the page's language and sorted by name without accents."""
    return list(_other_countries(get_locale() or Locale("en")))


@lru_cache
def _other_countries(language: Locale) -> tuple[tuple[str, str], ...]:
    others = [(code, name) for code, name in language.territories.items() if code in ISSUERS and code not in COUNTRIES]
    return tuple(sorted(others, key=lambda pair: unicodedata.normalize("NFD", pair[1]).casefold()))


@lru_cache(maxsize=256)
def guessed_country(accepted: str, language: str) -> str | None:
    """The listed country that the browser's languages name, else the page's language; None if neither says one.

    `accepted`: the request's Accept-Language.
    """
    tags = [tag for tag in parse_accept_header(accepted, LanguageAccept).values() if "-" in tag]
    regions = [tag.rpartition("-")[2].upper() for tag in tags]
    named = next((region for region in regions if region in COUNTRY_NAMES), None)
    return named or HOME_COUNTRIES.get(language)
