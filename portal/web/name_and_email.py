"""The rules for names and e-mail addresses, for the form and the partner API."""

from __future__ import annotations

import unicodedata

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

LONGEST_NAME = 80
LONGEST_EMAIL = 254

_NAME_MARKS = {" ", "'", "’", "-", "."}


class NameOrEmailError(ValueError):
    def __init__(self, message: LazyString) -> None:
        """`message` is for the applicant and never contains what was typed."""
        super().__init__("name or address refused")
        self.message = message


def plain_name(typed: str) -> str:
    """NFC with single spaces; raises `NameOrEmailError` and nothing else."""
    name = unicodedata.normalize("NFC", " ".join(filter(None, typed.split(" "))))
    if any(unicodedata.category(char)[0] not in "LM" and char not in _NAME_MARKS for char in name):
        raise NameOrEmailError(_("Use letters, spaces, hyphens and apostrophes only."))
    if not any(char.isalpha() for char in name):
        raise NameOrEmailError(_("Write it as it stands on your document."))
    return name


def plain_email(typed: str) -> str:
    """Raises `NameOrEmailError` and nothing else."""
    address = typed.strip()
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        raise NameOrEmailError(_("Write the address like name@example.com, or leave it empty.")) from None
    return address
