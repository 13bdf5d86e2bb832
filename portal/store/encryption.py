"""Encrypts the columns that hold what an applicant typed or the link to their hosted page."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.domain.errors import StoreUnavailable
from portal.domain.sealed import SealedText

PURPOSE = b"portal/store/columns/1"
"""Separates these keys from others that are derived from the same secrets."""


class UndecryptableValue(StoreUnavailable):
    """Encrypted with an unknown key, or damaged."""


class ColumnCipher:
    def __init__(self, keys: Sequence[str]) -> None:
        """`keys`: secrets of any length. The first encrypts, all decrypt."""
        if not keys or not all(keys):
            raise ValueError("encryption needs at least one key, and no empty key")
        self._fernets = [Fernet(_derived(key)) for key in keys]
        self._fernet = MultiFernet(self._fernets)

    def encrypt(self, text: str) -> bytes:
        """A text that could not be opened stays as it is."""
        if isinstance(text, SealedText):
            return text.encrypted
        return self._fernet.encrypt(text.encode())

    def decrypt(self, encrypted: bytes) -> str:
        """Raises `UndecryptableValue`."""
        try:
            return self._fernet.decrypt(encrypted).decode()
        except InvalidToken:
            raise UndecryptableValue("no secret key decrypts a value") from None

    def key_of(self, encrypted: bytes) -> int | None:
        """The place of the key that opens it, from 0; None if none does."""
        return next((place for place, it in enumerate(self._fernets) if _opens(it, encrypted)), None)

    def resealed(self, encrypted: bytes) -> bytes | None:
        """Sealed with the first key; None if it is already. Raises `UndecryptableValue`."""
        if _opens(self._fernets[0], encrypted):
            return None
        try:
            return self._fernet.rotate(encrypted)
        except InvalidToken:
            raise UndecryptableValue("no secret key decrypts a value") from None


def _opens(fernet: Fernet, encrypted: bytes) -> bool:
    try:
        fernet.decrypt(encrypted)
    except InvalidToken:
        return False
    return True


def _derived(secret: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
    return urlsafe_b64encode(hkdf.derive(secret.encode()))
