"""The id of the request that the current work belongs to, for log lines and for what is asked of others meanwhile."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token

HEADER = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current_request_id() -> str | None:
    return _current.get()


def request_id_for(given: str | None) -> str:
    """`given`: from elsewhere; a new one is made if it is not well-formed."""
    return given if given and _WELL_FORMED.fullmatch(given) else os.urandom(12).hex()


def begin_request(given: str | None) -> tuple[str, Token[str | None]]:
    """The id, and what `end_request` needs."""
    request_id = request_id_for(given)
    return request_id, _current.set(request_id)


def end_request(begun: Token[str | None]) -> None:
    _current.reset(begun)


@contextmanager
def part_of_request(given: str | None) -> Iterator[str]:
    request_id, begun = begin_request(given)
    try:
        yield request_id
    finally:
        end_request(begun)
