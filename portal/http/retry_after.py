"""The Retry-After header."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def read_retry_after(header: str | None, now: datetime, *, most: float) -> float | None:
    """Seconds from now, at most `most`; None if the header is missing, past or unreadable."""
    stated = (header or "").strip()
    if stated.isascii() and stated.isdigit():
        return min(float(stated), most)
    try:
        when = parsedate_to_datetime(stated)
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(seconds, most) if seconds >= 0 else None
