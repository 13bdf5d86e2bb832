"""The languages that the portal speaks."""

from __future__ import annotations

from enum import StrEnum


class Locale(StrEnum):
    """BCP 47 tags."""

    ES_AR = "es-AR"
    ES = "es"
    PT_BR = "pt-BR"
    EN = "en"

    @property
    def own_name(self) -> str:
        """The language's name for itself, for the language menu."""
        return _OWN_NAMES[self]

    @property
    def catalogue(self) -> str:
        """The folder in `translations/`, as gettext spells it; English is the language of the source."""
        return self.value.replace("-", "_")


_OWN_NAMES = {
    Locale.ES_AR: "Español (Argentina)",
    Locale.ES: "Español",
    Locale.PT_BR: "Português (Brasil)",
    Locale.EN: "English",
}


def locale_named(tag: str) -> Locale | None:
    """The locale with exactly this tag, in any case and with either separator."""
    wanted = tag.replace("_", "-").lower()
    return next((locale for locale in Locale if locale.lower() == wanted), None)


def nearest_locale(tag: str) -> Locale | None:
    """The locale for a browser's language: any Spanish but Argentina's is neutral Spanish, any Portuguese Brazil's."""
    by_language = {"es": Locale.ES, "pt": Locale.PT_BR, "en": Locale.EN}
    return locale_named(tag) or by_language.get(tag.split("-", 1)[0].lower())
