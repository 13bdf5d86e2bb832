"""gu1 stores tax ids in a punctuated form, and finds them only in exactly that form."""

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
    """gu1's form of a person's `number`, given as letters and digits; the number itself if gu1's form is unknown.

    It is unknown for Argentine numbers of seven digits: gu1's documentation does not mention them.
    """
    for pattern, form in _FORMS.get(country, ()):
        if match := pattern.fullmatch(number):
            return match.expand(form)
    return number
