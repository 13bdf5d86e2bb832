"""Keyed hashes: to compare what we may not keep."""

from __future__ import annotations

import hmac
from collections.abc import Sequence


class KeyedHash:
    def __init__(self, secret_keys: Sequence[str], purpose: str) -> None:
        """`secret_keys`: the first makes new hashes, all of them are accepted in a comparison."""
        self._keys = [hmac.digest(key.encode(), purpose.encode(), "sha256") for key in secret_keys]

    def digest(self, text: str) -> str:
        return _digest(self._keys[0], text)

    def matches(self, text: str, digest: str) -> bool:
        return any(hmac.compare_digest(_digest(key, text), digest) for key in self._keys)


def _digest(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()
