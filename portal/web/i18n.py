"""Which language a page speaks: `?lang=`, else the onboarding's, else the browser's, else the default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlencode

from flask import Flask, current_app, g, request
from flask_babel import Babel
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from portal.domain.locales import Locale, locale_named, nearest_locale
from portal.web.context import portal
from portal.web.entry_device import entry_device
from portal.web.local_times import local_time, zone_name
from portal.web.slots import slot


@dataclass(frozen=True, slots=True)
class Language:
    tag: str
    name: str
    url: str
    is_current: bool


def init_i18n(app: Flask, *, translations: str, default_locale: Locale) -> None:
    app.config["BABEL_DEFAULT_LOCALE"] = default_locale.catalogue
    Babel(app, locale_selector=lambda: current_language().catalogue, default_translation_directories=translations)
    app.jinja_env.globals.update(current_language=current_language, languages=languages, time_of_print=time_of_print)
    app.config["PORTAL_DEFAULT_LOCALE"] = default_locale


def current_language() -> Locale:
    """`?lang=`, else the onboarding's language, else the browser's, else the default."""
    return chosen_language() or g.get("onboarding_locale") or _accepted()


def chosen_language() -> Locale | None:
    """What `?lang=` asks for, if we speak it."""
    return locale_named(request.args.get("lang", ""))


def languages() -> list[Language]:
    """Every language with the URL of this page in it."""
    here = current_language()
    kept = f"&via={entry_device()}" if entry_device() else ""
    if request.blueprint == "privacy" and "partner" in request.args:
        kept += "&" + urlencode({"partner": request.args["partner"]})
    return [Language(it, it.own_name, f"?lang={it}{kept}", it is here) for it in Locale]


def time_of_print() -> str:
    """With its time zone, because paper travels."""
    here = current_language()
    return f"{slot('printed', print_time(portal().clock(), here))} ({zone_name(here)})"


def print_time(now: datetime, locale: Locale) -> str:
    return _print_time(now.replace(second=0, microsecond=0), locale)


@lru_cache(maxsize=len(Locale))
def _print_time(minute: datetime, locale: Locale) -> str:
    return local_time(minute, locale)


def _accepted() -> Locale:
    default: Locale = current_app.config["PORTAL_DEFAULT_LOCALE"]
    return accepted_locale(request.headers.get("Accept-Language", "")) or default


@lru_cache(maxsize=256)
def accepted_locale(header: str) -> Locale | None:
    """The first that we speak; `header`: the request's Accept-Language."""
    wanted = map(nearest_locale, parse_accept_header(header, LanguageAccept).values())
    return next(filter(None, wanted), None)
