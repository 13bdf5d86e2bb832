"""Two languages without catalogues: `{{ say("Cuenta", "Account") }}`."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Flask, request


def init_words(site: Flask) -> None:
    site.jinja_env.globals.update(say=_say, language=language, locale=locale, in_language=_in_language)


def language() -> str:
    return "en" if request.args.get("lang") == "en" else "es"


def locale() -> str:
    """As the portal's language tag."""
    return "en" if language() == "en" else "es-AR"


def _say(spanish: str, english: str) -> str:
    return english if language() == "en" else spanish


def _in_language(code: str) -> str:
    return "?" + urlencode({**request.args, "lang": code})
