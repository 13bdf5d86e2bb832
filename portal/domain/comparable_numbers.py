"""Brings a typed and a verified document number into a form in which they can be compared."""

from __future__ import annotations

# Not Chile and Uruguay: document readers confuse the card's serial number with the person's number.
_PRINTED_ON_THE_DOCUMENT = frozenset({"AR", "CO", "PE"})
_PERUVIAN_DIGITS = 8
CUIL_PREFIXES = frozenset({"20", "23", "24", "25", "26", "27"})
"""Of persons."""
_FIRST_UNSHARED_DNI = 10_000_000


def one_spelling(country: str, number: str) -> str:
    """The same for all spellings of a number, as far as they are known; to count what is done with it."""
    return comparable(country, number) or number


def comparable(country: str, number: str) -> str | None:
    """None if this country's typed number is not the one printed on the document, as with a CPF or an RFC."""
    country = country.upper()
    if country not in _PRINTED_ON_THE_DOCUMENT:
        return None
    kept = "".join(char for char in number if char.isascii() and char.isalnum()).upper()
    if country == "AR" and is_cuil(kept):
        kept = dni_in_cuil(kept)
    if country == "PE" and (_ends_with_check_digit(number) or not is_peruvian_carne(kept)):
        kept = kept[:_PERUVIAN_DIGITS]  # a ninth is the check digit, printed on some cards only
    return kept.lstrip("0") or None


def is_cuil(number: str) -> bool:
    """True for eleven digits with a prefix of a person. A número de trámite, also eleven, begins with zeros."""
    return len(number) == 11 and number.isdecimal() and number[:2] in CUIL_PREFIXES


def is_peruvian_carne(number: str) -> bool:
    """True for the nine digits of a carné de extranjería. Migraciones counts them up, and is far from ten million."""
    return len(number) == 9 and number.isdecimal() and number.startswith("00")


def _ends_with_check_digit(printed: str) -> bool:
    return printed.strip()[-2:-1] == "-"


def is_shared(country: str, number: str) -> bool:
    """True for an Argentine number that two living people can have; their CUILs differ.

    Below ten million, men and women had numbers of their own. `number`: letters and digits only.
    """
    return country == "AR" and len(number) <= 8 and number.isdecimal() and int(number) < _FIRST_UNSHARED_DNI


def dni_in_cuil(number: str) -> str:
    """The eight digits between the prefix and the check digit of a CUIL or CUIT."""
    return number[2:10]
