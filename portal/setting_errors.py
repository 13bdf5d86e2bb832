"""Says in one line what is wrong with a setting: what was found, and what is allowed. Secrets stay out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from portal.environment import nearest

_LONGEST = 60
_CREDENTIALS = re.compile(r"(?<=://).*@")
# Keys and secrets of gu1 and of ours, which are pasted into the wrong place now and then.
_LOOKS_SECRET = re.compile(r"(gk|gsk|sk|kyc|whsec)_\w+|\b[0-9A-Fa-f]{32,}\b")
_BOOLEANS = "must be true or false"


def problem_text(
    error: ErrorDetails, *, secret: bool, known: Iterable[str] = (), field: FieldInfo | None = None
) -> str:
    """`known`: the names that stand beside this one, from which the nearest is offered for an unknown one."""
    if error["type"] == "missing":
        return "Field required"
    if error["type"] == "extra_forbidden":
        near = nearest(str(error["loc"][-1]), known)
        return "unknown" + (f"; did you mean {near}?" if near else f"; known are {', '.join(sorted(known))}")
    allowed = _allowed(error, field)
    return allowed if secret or not _is_simple(error["input"]) else f"found {found_text(error['input'])}; {allowed}"


def found_text(value: object) -> str:
    """A value that is wrong, as somebody may read it in a log: cut short, credentials and keys left out."""
    text = str(value)
    if _LOOKS_SECRET.search(text):
        return "what looks like a secret (not shown)"
    text = _CREDENTIALS.sub("…@", text)
    return repr(text if len(text) <= _LONGEST else text[:_LONGEST] + "…") if isinstance(value, str) else text


def _allowed(error: ErrorDetails, field: FieldInfo | None) -> str:
    if error["type"].startswith("bool"):
        return _BOOLEANS
    if error["type"].startswith("int") or error["type"] in {"greater_than_equal", "less_than_equal"}:
        return _whole_number(field)
    text = error["msg"].removeprefix("Value error, ")
    return re.sub(r"^(Input|String|Value) should (be|have) ", lambda it: f"must {it[2]} ", text)


def _whole_number(field: FieldInfo | None) -> str:
    limits: dict[str, Any] = {}
    for it in field.metadata if field else ():
        limits |= {name: getattr(it, name) for name in ("ge", "le") if getattr(it, name, None) is not None}
    if "le" in limits:
        return f"must be a whole number from {limits.get('ge', 0)} to {limits['le']}"
    return f"must be a whole number of {limits['ge']} or more" if limits else "must be a whole number"


def _is_simple(value: object) -> bool:
    return isinstance(value, str | int | float | bool)
