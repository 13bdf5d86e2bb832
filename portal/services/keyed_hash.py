"""Keyed hashes, to compare values that must not be stored."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from functools import partial


class KeyedHash:
    def __init__(self, secret_keys: Sequence[str], purpose: str) -> None:
        """The first key makes new hashes; all keys are tried in a comparison."""
        self._keys = [hmac.digest(key.encode(), purpose.encode(), "sha256") for key in secret_keys]

    def digest(self, text: str) -> str:
        return _digest(self._keys[0], text)

    def matches(self, text: str, digest: str) -> bool:
        return any(hmac.compare_digest(_digest(key, text), digest) for key in self._keys)

    def under_each_key(self) -> Iterator[Callable[[str], str]]:
        """One function for each key that makes its hashes; the first makes the same as `digest`."""
        return (partial(_digest, key) for key in self._keys)


def _digest(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()
