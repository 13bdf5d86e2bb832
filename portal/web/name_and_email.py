"""The rules for names and e-mail addresses, for the form and the partner API."""

from __future__ import annotations

from collections.abc import Callable

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.web.typed_text import (
    LONGEST_TYPED,
    belongs_to_a_name,
    displayable,
    is_letter,
    with_plain_marks,
    without_margins,
)

LONGEST_NAME = 80
LONGEST_EMAIL = 254


class NameOrEmailError(ValueError):
    def __init__(self, message: LazyString) -> None:
        """`message` is for the applicant and never contains what was typed."""
        super().__init__("name or address refused")
        self.message = message


def plain_name(typed: str) -> str:
    """NFC with single spaces, and one kind of apostrophe and hyphen; raises `NameOrEmailError` and nothing else."""
    name = _with_at_most(LONGEST_NAME, with_plain_marks, typed)
    wrong = next((char for char in name if not belongs_to_a_name(char)), None)
    if wrong is not None:
        sign = displayable(wrong)
        raise NameOrEmailError(
            _("“%(sign)s” does not belong in a name. Use letters, spaces, hyphens and apostrophes.", sign=sign)
        )
    if not any(map(is_letter, name)):
        raise NameOrEmailError(_("Write it as it stands on your document."))
    return name


def plain_email(typed: str) -> str:
    """Raises `NameOrEmailError` and nothing else."""
    address = _with_at_most(LONGEST_EMAIL, without_margins, typed)
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        raise NameOrEmailError(_("Enter an email like name@example.com, or leave this blank.")) from None
    return address


def _with_at_most(longest: int, cleaned: Callable[[str], str], typed: str) -> str:
    text = cleaned(typed) if len(typed) <= LONGEST_TYPED else typed
    if len(text) > longest:
        raise NameOrEmailError(_("Use at most %(max)d characters.", max=longest))
    return text
