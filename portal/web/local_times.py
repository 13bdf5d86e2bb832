"""Moments for people whose own time zone only their browser knows: in their country's, and it is said which that is."""

from __future__ import annotations

from datetime import datetime

from babel.dates import format_date, format_time, get_timezone
from flask_babel import lazy_gettext as _

from portal.domain.locales import Locale
from portal.web.countries import HOME_COUNTRIES

_ZONES = {
    "AR": ("America/Buenos_Aires", _("Argentina time")),
    "BR": ("America/Sao_Paulo", _("Brasília time")),
    "MX": ("America/Mexico_City", _("Mexico City time")),
    "CL": ("America/Santiago", _("Chile time")),
    "CO": ("America/Bogota", _("Colombia time")),
    "PE": ("America/Lima", _("Peru time")),
    "UY": ("America/Montevideo", _("Uruguay time")),
}
"""Where most people of a country live."""


def local_time(moment: datetime, locale: Locale, country: str | None = None) -> str:
    """Date and time of day in the country's zone, else in that of the language's country, else in UTC."""
    zone = _ZONES.get(_country(locale, country))
    here = moment.astimezone(get_timezone(zone[0] if zone else "UTC"))
    clock = "short" if locale is Locale.EN else "HH:mm"  # nobody writes "12:00 p. m." in Argentina, as CLDR says
    day, time = format_date(here, "long", locale=locale.catalogue), format_time(here, clock, locale=locale.catalogue)
    return f"{day}, {time}"


def zone_name(locale: Locale, country: str | None = None) -> str:
    """Of the times that `local_time` writes, in the page's language."""
    zone = _ZONES.get(_country(locale, country))
    return str(zone[1]) if zone else "UTC"


def _country(locale: Locale, country: str | None) -> str:
    return country or HOME_COUNTRIES.get(locale, "")
