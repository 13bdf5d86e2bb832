"""Lengths of time as settings state them: `90m`, `24h` or `3d`."""

from __future__ import annotations

import re
from datetime import timedelta

_FORM = re.compile(r"([0-9]{1,6})(m|h|d)")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def duration_of(text: str) -> timedelta | None:
    """None if it is no length of time."""
    found = _FORM.fullmatch(text.strip().lower())
    return int(found[1]) * _UNITS[found[2]] if found else None


def duration_text(duration: timedelta) -> str:
    unit = "m" if duration % _UNITS["h"] else "h"
    return f"{duration // _UNITS[unit]}{unit}"
