"""gu1 keeps tax ids in a punctuated form of its own, and looks them up exactly as they are kept."""

from __future__ import annotations

import re

_FORMS: dict[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    "AR": (
        (re.compile(r"([0-9]{2})([0-9]{3})([0-9]{3})"), r"\1.\2.\3"),
        (re.compile(r"([0-9]{2})([0-9]{8})([0-9])"), r"\1-\2-\3"),
    ),
    "BR": ((re.compile(r"([0-9]{1,3})([0-9]{3})([0-9]{3})([0-9]{2})"), r"\1.\2.\3-\4"),),
    "CL": ((re.compile(r"([0-9]{1,2})([0-9]{3})([0-9]{3})([0-9K])"), r"\1.\2.\3-\4"),),
}


def canonical(country: str, number: str) -> str:
    """The form in which gu1 keeps a person's `number`, which is letters and digits only; as it is where none is known.

    Argentine numbers of seven digits are among the latter: no page says what becomes of them.
    """
    for pattern, form in _FORMS.get(country, ()):
        if match := pattern.fullmatch(number):
            return match.expand(form)
    return number
