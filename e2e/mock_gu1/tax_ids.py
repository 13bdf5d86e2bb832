"""Tax ids as gu1 stores them: length checked per country, punctuated, check digits ignored."""

from __future__ import annotations

from collections.abc import Callable


class InvalidTaxId(ValueError):
    pass


def reduced(tax_id: str) -> str:
    return "".join(character for character in tax_id.upper() if character.isalnum())


def document_digits(tax_id: str, country: str) -> str:
    """The number of the identity document: for a CUIT or CUIL its DNI."""
    bare = reduced(tax_id)
    return bare[2:10] if country == "AR" and len(bare) == 11 else bare


def canonical(tax_id: str, *, country: str, kind: str, seven_digits: str = "accept") -> str:
    """`kind` is `person` or `company`. Raises `InvalidTaxId` for a wrong length, if gu1 documents the lengths.

    An Argentine DNI of seven digits is accepted, refused or padded, as `seven_digits` says.
    """
    bare = reduced(tax_id)
    if (country, kind, len(bare)) == ("AR", "person", 7) and seven_digits != "accept":
        if seven_digits == "refuse":
            raise InvalidTaxId("expected 8 or 11 digits")
        bare = bare.zfill(8)
    if not bare:
        raise InvalidTaxId("taxId is empty")
    form = _FORMS.get((country, kind))
    return form(bare) if form else bare


def _with_digits(bare: str, lengths: set[int]) -> str:
    if not (bare.isascii() and bare.isdigit() and len(bare) in lengths):
        raise InvalidTaxId(f"expected {' or '.join(map(str, sorted(lengths)))} digits")
    return bare


def _thousands(digits: str) -> str:
    """Dots before every third digit from the right; leading zeros stay."""
    head = len(digits) % 3
    groups = [digits[start : start + 3] for start in range(head, len(digits), 3)]
    return ".".join(([digits[:head]] if head else []) + groups)


def _argentine_company(bare: str) -> str:
    digits = _with_digits(bare, {11})
    return f"{digits[:2]}-{digits[2:10]}-{digits[10]}"


def _argentine_person(bare: str) -> str:
    digits = _with_digits(bare, {7, 8, 11})
    return _argentine_company(digits) if len(digits) == 11 else _thousands(digits)


def _brazilian_person(bare: str) -> str:
    digits = _with_digits(bare, {9, 10, 11})
    return f"{_thousands(digits[:-2])}-{digits[-2:]}"


def _brazilian_company(bare: str) -> str:
    digits = _with_digits(bare, {13, 14})
    return f"{_thousands(digits[:-6])}/{digits[-6:-2]}-{digits[-2:]}"


def _chilean(bare: str) -> str:
    return f"{_thousands(bare[:-1])}-{bare[-1]}" if bare[:-1].isdigit() else bare


_FORMS: dict[tuple[str, str], Callable[[str], str]] = {
    ("AR", "person"): _argentine_person,
    ("AR", "company"): _argentine_company,
    ("BR", "person"): _brazilian_person,
    ("BR", "company"): _brazilian_company,
    ("CL", "person"): _chilean,
    ("CL", "company"): _chilean,
}
