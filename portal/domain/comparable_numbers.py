"""When a typed and a verified document number are the same."""

from __future__ import annotations

# Chile's and Uruguay's cards carry a serial number of their own, which readers mix up with the person's.
_PRINTED_ON_THE_DOCUMENT = frozenset({"AR", "CO", "PE"})
_PERUVIAN_DIGITS = 8


def comparable(country: str, number: str) -> str | None:
    """The form in which a typed and a verified number are equal or not; None where they are different things.

    A CPF or an RFC is no document number, so in Brazil, Mexico and most other countries nothing can be compared.
    """
    country = country.upper()
    if country not in _PRINTED_ON_THE_DOCUMENT:
        return None
    kept = "".join(sign for sign in number if sign.isascii() and sign.isalnum()).upper()
    if country == "AR" and len(kept) == 11 and kept.isdigit():
        kept = dni_in_cuil(kept)
    if country == "PE":
        kept = kept[:_PERUVIAN_DIGITS]  # a ninth is the check digit, printed on some cards only
    return kept.lstrip("0") or None


def dni_in_cuil(number: str) -> str:
    """The eight digits between the prefix and the check digit of a CUIL or CUIT."""
    return number[2:10]
