"""The short code with which a phone takes over from another device: it works once, and ends with the photos.

A code follows from the onboarding, its attempt and the last phone that came, so that it is over as soon as one of them
changes, and every page of an onboarding shows the same.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from portal.domain.errors import UnknownOnboarding
from portal.domain.onboarding import Onboarding
from portal.domain.stage import Stage, stage_of
from portal.domain.standing import may_continue
from portal.services.keyed_hash import KeyedHash
from portal.services.ports import Clock, Store
from portal.services.validation_plan import Policy

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""In capitals, which a QR code holds in half the space; without letters that look like others."""
LENGTH = 12
"""60 bits: out of reach for whoever guesses, and four fifths of the smallest codes' space."""
_TRIES = 3


class PhoneCodes(Protocol):
    """The codes that phones scan, as keyed hashes."""

    def keep(self, digest: str, onboarding: Onboarding) -> bool:
        """In place of the onboarding's earlier one. False if `onboarding` has changed, so that its code is over."""

    def onboarding_id(self, digests: Collection[str]) -> str | None:
        """Of the first that is known."""


class PhoneHandover:
    def __init__(
        self,
        store: Store,
        codes: PhoneCodes,
        secret_keys: Sequence[str],
        *,
        clock: Clock,
        policy_for: Callable[[Onboarding], Policy],
    ) -> None:
        self._store = store
        self._codes = codes
        self._made = KeyedHash(secret_keys, "portal.phone-code")
        self._kept = KeyedHash(secret_keys, "portal.phone-code-digest")
        self._clock = clock
        self._policy_for = policy_for

    def code(self, onboarding: Onboarding) -> str | None:
        """None if no photos are to be taken now."""
        for _ in range(_TRIES):
            if not self._is_live(onboarding, self._clock()):
                return None
            code = _short(self._made.digest(_state(onboarding)))
            if self._codes.keep(self._kept.digest(code), onboarding):
                return code
            onboarding = self._store.get(onboarding.id)
        return None

    def find(self, code: str) -> Onboarding | None:
        """Without using the code up."""
        onboarding_id = self._codes.onboarding_id([digest(code) for digest in self._kept.under_each_key()])
        if onboarding_id is None:
            return None
        try:
            onboarding = self._store.get(onboarding_id)
        except UnknownOnboarding:
            return None
        return onboarding if self._opens(code, onboarding, self._clock()) else None

    def join(self, code: str, onboarding_id: str) -> bool:
        """Uses the code up; false if somebody else just did."""
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            if not self._opens(code, row.onboarding, now):
                return False
            row.save(replace(row.onboarding, phone_joined_at=now, updated_at=now))
            return True

    def _opens(self, code: str, onboarding: Onboarding, now: datetime) -> bool:
        state = _state(onboarding)
        is_its_own = any(hmac.compare_digest(_short(made(state)), code) for made in self._made.under_each_key())
        return is_its_own and self._is_live(onboarding, now)

    def _is_live(self, onboarding: Onboarding, now: datetime) -> bool:
        if onboarding.erased_at is not None or now > onboarding.link_ends_at:
            return False
        stage = stage_of(onboarding, max_attempts=self._policy_for(onboarding).max_attempts)
        return stage is Stage.PREPARING or (may_continue(onboarding, now) and not stage.is_final)


def _state(onboarding: Onboarding) -> str:
    joined = onboarding.phone_joined_at
    parts = (onboarding.id, onboarding.validation_number, onboarding.link_generation, joined and joined.timestamp())
    return " ".join(map(str, parts))


def _short(digest: str) -> str:
    number = int(digest, 16)
    return "".join(ALPHABET[number >> 5 * place & 31] for place in range(LENGTH))
