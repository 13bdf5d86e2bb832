"""Where the next page of a list begins, as an opaque word."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta

from portal.services.ports import ListPosition

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def cursor_of(position: ListPosition) -> str:
    text = f"{(position.created_at - _EPOCH) // _MICROSECOND} {position.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> ListPosition:
    """Raises `ValueError`."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        microseconds, onboarding_id = text.split(" ")
        position = ListPosition(_EPOCH + int(microseconds) * _MICROSECOND, onboarding_id)
    except (binascii.Error, ValueError, OverflowError):
        raise ValueError("is not a cursor of this list") from None
    if not onboarding_id.isprintable():
        raise ValueError("is not a cursor of this list")
    return position
