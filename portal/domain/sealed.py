"""Values that are stored encrypted, and that this process has no key for.

They stand in for what they hold, so that everything else of an onboarding can be read, changed and erased, and are
stored again as they are.
"""

from __future__ import annotations

from portal.domain.errors import StoreUnavailable
from portal.domain.onboarding import Details


class SealedValue(StoreUnavailable):
    """The work needs a value that this process has no key for; another process may have it."""

    def __init__(self) -> None:
        super().__init__("no secret key of this process opens a value that is needed")


class SealedDetails(Details):
    """Details that cannot be looked into: each attempt raises `SealedValue`."""

    __slots__ = ("encrypted",)

    def __init__(self, encrypted: bytes) -> None:
        self.encrypted: bytes
        object.__setattr__(self, "encrypted", encrypted)

    def __getattr__(self, _name: str) -> str:
        raise SealedValue

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SealedDetails):
            return self.encrypted == other.encrypted
        if isinstance(other, Details):
            raise SealedValue
        return False

    def __hash__(self) -> int:
        return hash(self.encrypted)

    def __repr__(self) -> str:
        return "SealedDetails()"


class SealedText(str):
    """A text that cannot be read. It is not empty, because what it holds is not."""

    encrypted: bytes

    def __new__(cls, encrypted: bytes) -> SealedText:
        text = super().__new__(cls, "sealed")
        text.encrypted = encrypted
        return text
