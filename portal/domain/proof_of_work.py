"""Proof of work for starts above a limit: some seconds of work by the browser, or a wait without scripts."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from portal.domain.start_limits import MOST_EFFORT

_BITS = 16
"""Each more doubles the work. A phone tries some hundred thousand times a second."""
_WAITS = [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 10)]
LONGEST_PROOF = 16


def bits_for(effort: int) -> int:
    """How many zero bits the digest has to begin with."""
    return _BITS + effort


def wait_for(effort: int) -> timedelta:
    return _WAITS[effort - 1]


def challenge_of(form_token: str) -> str:
    """Short, so that each try hashes one block."""
    return hashlib.sha256(form_token.encode()).hexdigest()[:32]


def effort_shown(form_token: str, proof: str, waited: timedelta) -> int:
    """`proof`: what the browser found; `waited`: the age of the form. The better of both counts."""
    worked = _zero_bits(challenge_of(form_token) + proof) - _BITS if 0 < len(proof) <= LONGEST_PROOF else 0
    patient = sum(waited >= wait for wait in _WAITS)
    return min(MOST_EFFORT, max(0, worked, patient))


def _zero_bits(text: str) -> int:
    digest = hashlib.sha256(text.encode()).digest()
    return 8 * len(digest) - int.from_bytes(digest, "big").bit_length()
