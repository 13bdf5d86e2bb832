"""The reference of an onboarding: short enough to read out on the phone, with a check against mishearing.

Seven characters come from a hash of the id, the eighth checks them. The check is a sum over GF(32) in which every
place has another weight, so one wrong character, or two that changed places, never make another valid reference.
"""

from __future__ import annotations

import hashlib

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: without I, L and O, which are read as 1, 1 and 0, and without U."""

_LENGTH = 8
_FIELD = 0b100101
"""x⁵ + x² + 1, whose powers of x are all different."""
_READ_AS = str.maketrans("ILO", "110", " -")


def reference_of(onboarding_id: str) -> str:
    """What people are asked for when they call; too little to open anything with."""
    hashed = int.from_bytes(hashlib.sha256(onboarding_id.encode()).digest()[:5])
    values = [hashed >> 5 * place & 31 for place in range(_LENGTH - 1)]
    characters = "".join(ALPHABET[value] for value in [*values, _check(values)])
    return f"{characters[:4]}-{characters[4:]}"


def read_reference(typed: str) -> str | None:
    """The reference as `reference_of` writes it; None if this is none, or was misheard."""
    characters = _characters(typed)
    if characters is None:
        return None
    values = [ALPHABET.index(it) for it in characters]
    return f"{characters[:4]}-{characters[4:]}" if _check(values[:-1]) == values[-1] else None


def looks_like_reference(typed: str) -> bool:
    """True also if it was misheard."""
    return _characters(typed) is not None


def _characters(typed: str) -> str | None:
    characters = typed.upper().translate(_READ_AS)
    return characters if len(characters) == _LENGTH and set(characters) <= set(ALPHABET) else None


def _check(values: list[int]) -> int:
    total = 0
    for value in values:
        total = _times_x(total ^ value)
    return total


def _times_x(value: int) -> int:
    return value << 1 ^ (_FIELD if value & 16 else 0)
