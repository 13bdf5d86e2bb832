"""Which language a page speaks: `?lang=`, else the onboarding's, else the browser's, else the default."""

from __future__ import annotations

from dataclasses import dataclass

from babel import Locale
from flask import Flask, current_app, g, request
from flask_babel import Babel, format_datetime, get_locale

from portal.web.context import portal
from portal.web.entry_device import entry_device

LANGUAGES = {"es-AR": "Español (Argentina)", "es": "Español", "pt-BR": "Português (Brasil)", "en": "English"}
"""BCP 47 tag and the language's own name for itself."""

CATALOGUES = {"es-AR": "es_AR", "es": "es", "pt-BR": "pt_BR", "en": "en"}

_TAGS = {catalogue: tag for tag, catalogue in CATALOGUES.items()}


@dataclass(frozen=True, slots=True)
class Language:
    tag: str
    name: str
    url: str
    is_current: bool


def init_i18n(app: Flask, *, translations: str, default_locale: str) -> None:
    app.config["BABEL_DEFAULT_LOCALE"] = CATALOGUES[default_locale]
    Babel(app, locale_selector=_select, default_translation_directories=translations)
    app.jinja_env.globals.update(current_language=current_language, languages=languages, time_of_print=time_of_print)
    app.config["PORTAL_DEFAULT_LOCALE"] = default_locale


def current_language() -> str:
    """The BCP 47 tag of the page being made."""
    return _TAGS.get(str(get_locale()), "en")


def chosen_language() -> str | None:
    """What `?lang=` asks for, where we speak it."""
    wanted = request.args.get("lang", "")
    return next((tag for tag in LANGUAGES if tag.lower() == wanted.replace("_", "-").lower()), None)


def languages() -> list[Language]:
    """Every language with the address of this page in it."""
    here = current_language()
    kept = f"&via={entry_device()}" if entry_device() else ""
    return [Language(tag, name, f"?lang={tag}{kept}", tag == here) for tag, name in LANGUAGES.items()]


def time_of_print() -> str:
    """With its time zone, because paper travels."""
    return str(format_datetime(portal().clock(), "long"))


def keep_language(locale: str | None) -> None:
    """Speak an onboarding's language for the rest of the request, unless `?lang=` says otherwise."""
    if locale in CATALOGUES:
        g.onboarding_locale = locale


def _select() -> str | Locale:
    tag = chosen_language() or g.get("onboarding_locale") or _accepted()
    return CATALOGUES[tag]


def _accepted() -> str:
    """Any Spanish but Argentina's is the neutral one; any Portuguese is Brazil's."""
    for wanted in request.accept_languages.values():
        exact = next((tag for tag in LANGUAGES if tag.lower() == wanted.lower()), None)
        by_language = {"es": "es", "pt": "pt-BR", "en": "en"}.get(wanted.split("-")[0].lower())
        if exact or by_language:
            return exact or str(by_language)
    return str(current_app.config["PORTAL_DEFAULT_LOCALE"])
