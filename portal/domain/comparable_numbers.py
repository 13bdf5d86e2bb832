"""Brings a typed and a verified document number into a form in which they can be compared."""

from __future__ import annotations

# Not Chile and Uruguay: document readers confuse the card's serial number with the person's number.
_PRINTED_ON_THE_DOCUMENT = frozenset({"AR", "CO", "PE"})
_PERUVIAN_DIGITS = 8


def comparable(country: str, number: str) -> str | None:
    """None if this country's typed number is not the one printed on the document, as with a CPF or an RFC."""
    country = country.upper()
    if country not in _PRINTED_ON_THE_DOCUMENT:
        return None
    kept = "".join(char for char in number if char.isascii() and char.isalnum()).upper()
    if country == "AR" and is_cuil(kept):
        kept = dni_in_cuil(kept)
    if country == "PE":
        kept = kept[:_PERUVIAN_DIGITS]  # a ninth is the check digit, printed on some cards only
    return kept.lstrip("0") or None


def is_cuil(number: str) -> bool:
    """True for eleven digits with a prefix of a person. A número de trámite, also eleven, begins with zeros."""
    return len(number) == 11 and number.isdigit() and number[:2] in {"20", "23", "24", "25", "26", "27"}


def dni_in_cuil(number: str) -> str:
    """The eight digits between the prefix and the check digit of a CUIL or CUIT."""
    return number[2:10]
