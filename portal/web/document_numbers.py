"""The rules for document numbers, by country."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from stdnum.ar import cuit
from stdnum.br import cpf
from stdnum.cl import rut
from stdnum.mx import rfc

from portal.domain.comparable_numbers import CUIL_PREFIXES, dni_in_cuil, is_cuil, is_peruvian_carne
from portal.web.typed_text import LONGEST_PLAIN, LONGEST_TYPED, displayable, without_separators

EMPTY = _("Enter your document number.")
DIGITS_ONLY = _("Use only the digits 0 to 9. Dots, dashes and spaces are fine.")
DIGITS_AND_K = _("Use only the digits 0 to 9, with a K at the end if your RUT has one. Dots and dashes are fine.")
LETTERS_AND_DIGITS = _("Use only letters without accents and the digits 0 to 9. Dashes and spaces are fine.")
LETTERS_WITH_ENYE = _("Use only the letters A to Z, Ñ, & and the digits 0 to 9. Dashes and spaces are fine.")
WRONG_DIGIT = _("One of the digits seems wrong. Please compare it with your document.")
COMPANY_CUIT = _("This CUIT belongs to a company. Enter your own DNI or CUIL.")
COMPANY_RFC = _("This RFC belongs to a company. Enter your own, which has 13 letters and digits.")
NUMERO_DE_TRAMITE = _(
    "This looks like the número de trámite. Enter the DNI number instead, which is beside “Documento”."
)
CUIL_NEEDED = _("Enter your CUIL here, with its 11 digits.")
DNI_WITHOUT_CHECK_DIGIT = _(
    "Leave out the digit after the dash of your DNI. A carné de extranjería has 9 digits that begin with 00."
)
RFC_PARTS = _("An RFC is four letters, your date of birth as six digits, and three more letters or digits.")

_DIGITS = re.compile(r"[0-9]+")
_DIGITS_THEN_K = re.compile(r"[0-9]+K?")
_ALPHANUMERIC = re.compile(r"[0-9A-Z]+")
_LETTERS_OF_AN_RFC = re.compile(r"[0-9A-ZÑ&]+")
# Only these: `str.upper` makes other letters of some, for example an I of a dotless ı.
_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyzñ", "ABCDEFGHIJKLMNOPQRSTUVWXYZÑ")


class DocumentNumberError(ValueError):
    def __init__(self, message: LazyString) -> None:
        """`message` is for the applicant and never contains the number."""
        super().__init__("document number refused")
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRule:
    country: str
    """ISO 3166-1 alpha-2, or "other"."""
    label: LazyString
    hint: LazyString
    expected: LazyString
    """The sentence that says how long a number is."""
    lengths: frozenset[int]
    """Without separators."""
    width: int = 0
    """Numbers shorter than this have lost leading zeros."""
    alphabet: re.Pattern[str] = _DIGITS
    characters: LazyString = DIGITS_ONLY
    """The message for a number with other characters."""
    completed: Callable[[str], str] = lambda number: number
    """The number with zeros that people leave out in the middle of it."""
    objection: Callable[[str], LazyString | None] = lambda _number: None
    """The message for a number that is wrong apart from length and check digit, else None."""
    adds_up: Callable[[str], bool] = lambda _number: True
    """True if the check digit is right."""
    inputmode: Literal["numeric", "text"] = "numeric"
    groups: tuple[str, ...] = ()
    """How the country prints numbers of each length, with # for a letter or digit; others it prints as they are."""

    def grouped(self, number: str) -> str:
        """A number of letters and digits only, as the country prints it. static/portal.js does the same."""
        groups = next((it for it in self.groups if it.count("#") == len(number)), "#" * len(number))
        return groups.replace("#", "{}").format(*number)

    def normalise(self, typed: str) -> str:
        number = self.completed(self._plain(typed))
        for objection in (self.objection(number), self._wrong_length(number)):
            # `if objection` would render the lazy text.
            if objection is not None:
                raise DocumentNumberError(objection)
        number = number.zfill(self.width)
        if not number.strip("0") or not (is_sandbox(self.country, number) or self.adds_up(number)):
            raise DocumentNumberError(WRONG_DIGIT)
        return number

    def _plain(self, typed: str) -> str:
        if len(typed) > LONGEST_TYPED:
            raise DocumentNumberError(self._too_long())
        number = without_separators(typed)
        if not number:
            raise DocumentNumberError(EMPTY)
        if len(number) > LONGEST_PLAIN:
            raise DocumentNumberError(self._too_long())
        number = number.translate(_UPPER)
        if not self.alphabet.fullmatch(number):
            sign = displayable(next(char for char in number if not self.alphabet.fullmatch(char)))
            raise DocumentNumberError(
                _(
                    "“%(sign)s” does not belong in this number. %(characters)s",
                    sign=sign,
                    characters=self.characters,
                )
            )
        return number

    def _wrong_length(self, number: str) -> LazyString | None:
        if len(number) in self.lengths:
            return None
        if len(number) > max(self.lengths):
            return self._too_long()
        if len(number) < min(self.lengths):
            return _("This number is too short. %(expected)s", expected=self.expected)
        return _("This number has too many or too few digits. %(expected)s", expected=self.expected)

    def _too_long(self) -> LazyString:
        return _("This number is too long. %(expected)s", expected=self.expected)


def normalise(country: str, typed: str) -> str:
    """Letters and digits only, in upper case; raises `DocumentNumberError` and nothing else."""
    return rule_for(country).normalise(typed)


def rule_for(country: str) -> DocumentRule:
    return _RULES.get(country.upper(), _GENERAL)


def is_sandbox(country: str, number: str) -> bool:
    """True for the numbers that gu1's sandbox answers from a table."""
    # The table is only partly documented, and its numbers have no valid check digit.
    return _significant(country, number).startswith("9999")


def _significant(country: str, number: str) -> str:
    if country.upper() == "AR" and is_cuil(number):
        return dni_in_cuil(number)
    return number.lstrip("0")


def _with_zero_of_cuil(number: str) -> str:
    """The CUIL of a DNI of seven digits is often written without the zero before them."""
    is_short = len(number) == 10 and number[:2] in CUIL_PREFIXES
    return f"{number[:2]}0{number[2:]}" if is_short else number


def _object_to_cuil(number: str) -> LazyString | None:
    """Persons have the prefixes 25 and 26 too, which `stdnum.ar.cuit.validate` rejects."""
    if len(number) != 11 or is_cuil(number):
        return None
    if number.startswith("00"):
        return NUMERO_DE_TRAMITE
    return COMPANY_CUIT if number[:2] in {"30", "33", "34"} else WRONG_DIGIT


def _cuil_adds_up(number: str) -> bool:
    """A DNI has no check digit."""
    return len(number) != 11 or number[-1] == cuit.calc_check_digit(number[:-1])


def _cpf_adds_up(number: str) -> bool:
    """Eleven equal digits have a valid check digit but were never issued."""
    return len(set(number)) > 1 and cpf.is_valid(number)


def _rut_adds_up(number: str) -> bool:
    """stdnum refuses RUTs of less than eight characters, which old people have; leading zeros change no check digit."""
    return rut.is_valid(number.zfill(8))


def _object_to_rfc(number: str) -> LazyString | None:
    """Ignores the check digit: according to stdnum about 1.5 % of the RFCs in use have a wrong one."""
    if len(number) == 12 and rfc.is_valid(number):
        return COMPANY_RFC
    return RFC_PARTS if len(number) == 13 and not rfc.is_valid(number) else None


def _object_to_check_digit(number: str) -> LazyString | None:
    return DNI_WITHOUT_CHECK_DIGIT if len(number) == 9 and not is_peruvian_carne(number) else None


def _cedula_adds_up(number: str) -> bool:
    """Uruguay: the digits weighted with 2987634 plus the check digit are a multiple of ten.

    Older numbers have one digit less and count as if they began with a zero.
    Source: https://ciuy.readthedocs.io/es/stable/about.html (its weights 8123476 are the same modulo ten, negated).
    """
    weights = (2, 9, 8, 7, 6, 3, 4, 1)
    return sum(int(digit) * weight for digit, weight in zip(number.zfill(8), weights, strict=True)) % 10 == 0


_GENERAL = DocumentRule(
    country="other",
    label=_("Document number"),
    hint=_("As it is printed on your identity card or passport, for example AB123456."),
    expected=_("It should have 4 to 20 letters or digits."),
    lengths=frozenset(range(4, 21)),
    alphabet=_ALPHANUMERIC,
    characters=LETTERS_AND_DIGITS,
    inputmode="text",
)

_RULES = {
    rule.country: rule
    for rule in (
        DocumentRule(
            country="AR",
            label=_("DNI or CUIL"),
            hint=_("The 6 to 8 digits of your DNI, like 12.345.678, or the 11 of your CUIL."),
            # Six: the oldest numbers, of the libreta de enrolamiento and the libreta cívica, are still in use.
            expected=_("A DNI has 6 to 8 digits, a CUIL has 11."),
            lengths=frozenset({6, 7, 8, 11}),
            groups=("###.###", "#.###.###", "##.###.###", "##-########-#"),
            completed=_with_zero_of_cuil,
            objection=_object_to_cuil,
            adds_up=_cuil_adds_up,
        ),
        DocumentRule(
            country="BR",
            label=_("CPF"),
            hint=_("11 digits, for example 123.456.789-09. Dots and dashes are fine."),
            expected=_("A CPF has 11 digits."),
            lengths=frozenset({9, 10, 11}),
            width=11,
            groups=("###.###.###-##",),
            adds_up=_cpf_adds_up,
        ),
        DocumentRule(
            country="MX",
            label=_("RFC"),
            hint=_("13 letters and digits, for example GODE561231GR8. It is not your CURP, which has 18."),
            expected=_("The RFC of a person has 13 letters and digits."),
            lengths=frozenset({13}),
            alphabet=_LETTERS_OF_AN_RFC,
            characters=LETTERS_WITH_ENYE,
            objection=_object_to_rfc,
            inputmode="text",
        ),
        DocumentRule(
            country="CL",
            label=_("RUT"),
            hint=_("With the digit or K after the dash, for example 12.345.678-5. Dots are optional."),
            expected=_("A RUT has 5 to 8 digits, then one more digit or a K."),
            lengths=frozenset(range(6, 10)),
            groups=("##.###-#", "###.###-#", "#.###.###-#", "##.###.###-#"),
            alphabet=_DIGITS_THEN_K,
            characters=DIGITS_AND_K,
            adds_up=_rut_adds_up,
            inputmode="text",
        ),
        DocumentRule(
            country="CO",
            label=_("Cédula de ciudadanía"),
            # Also the cédula de extranjería and the permiso por protección temporal (PPT), which have 6 to 8 digits.
            hint=_("3 to 10 digits, for example 1.023.456.789. Dots are optional."),
            expected=_("A cédula has 3 to 10 digits."),
            lengths=frozenset(range(3, 11)),
            groups=("#.###", "##.###", "###.###", "#.###.###", "##.###.###", "###.###.###", "#.###.###.###"),
        ),
        DocumentRule(
            country="PE",
            label=_("DNI or carné de extranjería"),
            hint=_(
                "The 8 digits of your DNI without the one after the dash, or the 9 of your carné, which begin with 00."
            ),
            expected=_("A DNI has 8 digits, a carné de extranjería has 9 that begin with 00."),
            lengths=frozenset({8, 9}),
            objection=_object_to_check_digit,
        ),
        DocumentRule(
            country="UY",
            label=_("Cédula de identidad"),
            hint=_("7 or 8 digits with the one after the dash, for example 1.234.567-2. Dots are optional."),
            expected=_("A cédula de identidad has 7 or 8 digits, counting the one after the dash."),
            lengths=frozenset({7, 8}),
            groups=("###.###-#", "#.###.###-#"),
            adds_up=_cedula_adds_up,
        ),
    )
}

COUNTRIES = tuple(_RULES)
