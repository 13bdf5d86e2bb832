"""The id of the request that the current work belongs to, for log lines and for what is asked of others meanwhile."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current_request_id() -> str | None:
    return _current.get()


@contextmanager
def part_of_request(given: str | None) -> Iterator[str]:
    """`given`: an id from elsewhere; a new one is made if there is none, or if it is not well-formed."""
    request_id = given if given and _WELL_FORMED.fullmatch(given) else secrets.token_urlsafe(12)
    before = _current.set(request_id)
    try:
        yield request_id
    finally:
        _current.reset(before)
