"""Encrypts the columns that hold what an applicant typed or the link to their hosted page."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.domain.errors import StoreUnavailable

PURPOSE = b"portal/store/columns/1"
"""Separates these keys from others that are derived from the same secrets."""


class UndecryptableValue(StoreUnavailable):
    """Encrypted with an unknown key, or damaged."""


class ColumnCipher:
    def __init__(self, keys: Sequence[str]) -> None:
        """`keys`: secrets of any length. The first encrypts, all decrypt."""
        if not keys or not all(keys):
            raise ValueError("encryption needs at least one key, and no empty key")
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in keys])

    def encrypt(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def decrypt(self, encrypted: bytes) -> str:
        """Raises `UndecryptableValue`."""
        try:
            return self._fernet.decrypt(encrypted).decode()
        except InvalidToken:
            raise UndecryptableValue("no secret key decrypts a value") from None


def _derived(secret: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
    return urlsafe_b64encode(hkdf.derive(secret.encode()))
