"""What became of a document number that was given once more, because the verified document has another one."""

from __future__ import annotations

from enum import StrEnum


class Correction(StrEnum):
    """An onboarding has at most one: whoever could give several numbers could guess somebody else's."""

    PENDING = "pending"
    """It is the number of the document; gu1's record is still to be put right."""
    CORRECTED = "corrected"
    """gu1's record has it, and the verdict counts."""
    REPLACED = "replaced"
    """gu1's record could not be changed: a new record and a new validation followed."""
    REFUSED = "refused"
    """It is not the number of the document either."""
