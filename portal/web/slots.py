"""The personal values of a page that is kept: made with an empty slot for each, and filled in for each person."""

from __future__ import annotations

import re
import secrets

from flask import request

LEAVES_SLOTS = "portal.leaves_slots"
"""Set in the WSGI environment of a request whose answer is made to be kept."""

_MARK = secrets.token_hex(8)
_SLOT = re.compile(rf"{_MARK}([a-z_]+?){_MARK}".encode())


def slot(name: str, value: str) -> str:
    """`value`, which must need no escaping in HTML; or its slot, if the answer is made to be kept."""
    return f"{_MARK}{name}{_MARK}" if LEAVES_SLOTS in request.environ else value


def around_slots(body: bytes) -> list[bytes]:
    """The parts that hold nothing personal, and between each two of them the name of a slot."""
    return _SLOT.split(body)
