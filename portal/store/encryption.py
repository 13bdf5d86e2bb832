"""Encryption of the columns that hold what a person typed or a link that speaks for them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.domain.errors import StoreUnavailable

PURPOSE = b"portal/store/columns/1"
"""Keeps these keys apart from all others that are derived from the same secrets."""


class UndecryptableValue(StoreUnavailable):
    """Sealed with a key that is no longer known, or damaged."""


class ColumnCipher:
    def __init__(self, keys: Sequence[str]) -> None:
        """The first key seals, all of them open; they are secrets of any length."""
        if not keys or not all(keys):
            raise ValueError("sealing needs at least one key, and no empty one")
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in keys])

    def encrypt(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def decrypt(self, sealed: bytes) -> str:
        """Raises `UndecryptableValue`."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise UndecryptableValue("no secret key opens a sealed value") from None


def _derived(secret: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
    return urlsafe_b64encode(hkdf.derive(secret.encode()))
