"""Single values from JSON that may hold anything: each reader returns a usable value, or None or empty."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import cast

from portal.domain.errors import Malformed

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_LARGEST_ID = 10**18
# No five digits in a row, which could be a person's number: gu1 has sent whole sentences in place of a code.
_CODE = re.compile(r"(?!.*[0-9]{5})[A-Za-z][A-Za-z0-9_.-]{0,63}")
_COUNT = re.compile(r"[0-9]{1,9}")
_FLAGS = {"true": True, "false": False}
_LONGEST_TEXT = 4096
# Outside these years, adding a timedelta or a time zone can overflow.
_YEARS = range(1971, 9999)


def parse(body: bytes) -> object:
    """Raises `Malformed`."""
    try:
        return cast(object, json.loads(body))
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None


def mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def listing(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """Printable and at most 4096 characters, so that any database and any log can store it."""
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and value.isprintable():
        return value
    return None


def identifier(value: object) -> str | None:
    """An id that is safe in a URL path."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 <= value < _LARGEST_ID else None
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def code(value: object) -> str | None:
    """An error code that may be logged; None for a sentence."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def count(value: object) -> int | None:
    if isinstance(value, str) and _COUNT.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def flag(value: object) -> bool | None:
    if isinstance(value, str):
        return _FLAGS.get(value.lower())
    return value if isinstance(value, bool) else None


def letters_and_digits(value: object) -> str | None:
    """A document number or tax id without punctuation, in upper case."""
    stated = identifier(value) or text(value) or ""
    return "".join(sign for sign in stated if sign.isascii() and sign.isalnum()).upper() or None


def moment(value: object) -> datetime | None:
    """From ISO 8601, in UTC; UTC is assumed if no time zone is given."""
    try:
        read = datetime.fromisoformat(text(value) or "")
        read = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return read if read.year in _YEARS else None
