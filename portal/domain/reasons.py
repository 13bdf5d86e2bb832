"""Our closed list of why somebody was rejected, and what they can do about it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class Reason(StrEnum):
    REGISTRY_DOCUMENT_MISSING = "registry_document_missing"
    REGISTRY_GENDER_MISSING = "registry_gender_missing"
    REGISTRY_UNAVAILABLE = "registry_unavailable"
    REGISTRY_DOCUMENT_MISMATCH = "registry_document_mismatch"
    REGISTRY_CARD_DATA_MISSING = "registry_card_data_missing"
    REGISTRY_CARD_OUTDATED = "registry_card_outdated"
    DOCUMENT_UNREADABLE = "document_unreadable"
    DOCUMENT_EXPIRED = "document_expired"
    DOCUMENT_UNSUPPORTED = "document_unsupported"
    DOCUMENT_AUTHENTICITY = "document_authenticity"
    DOCUMENT_DATA_MISMATCH = "document_data_mismatch"
    FACE_MISMATCH = "face_mismatch"
    LIVENESS_FAILED = "liveness_failed"
    FACE_UNCLEAR = "face_unclear"
    UNDERAGE = "underage"
    NOT_ELIGIBLE = "not_eligible"
    """Fraud, duplicates, blocklists, AML and devices: one neutral text, so that nobody is tipped off."""
    UNSPECIFIED = "unspecified"


class Remedy(StrEnum):
    RETRY_NOW = "retry_now"
    RETRY_LATER = "retry_later"
    CONTACT = "contact"


REMEDIES: dict[Reason, Remedy] = dict.fromkeys(Reason, Remedy.RETRY_NOW) | {
    Reason.REGISTRY_UNAVAILABLE: Remedy.RETRY_LATER,
    Reason.REGISTRY_DOCUMENT_MISMATCH: Remedy.CONTACT,
    Reason.UNDERAGE: Remedy.CONTACT,
    Reason.NOT_ELIGIBLE: Remedy.CONTACT,
}

BY_REGISTRY = frozenset(
    {
        Reason.REGISTRY_DOCUMENT_MISSING,
        Reason.REGISTRY_GENDER_MISSING,
        Reason.REGISTRY_UNAVAILABLE,
        Reason.REGISTRY_DOCUMENT_MISMATCH,
        Reason.REGISTRY_CARD_DATA_MISSING,
        Reason.REGISTRY_CARD_OUTDATED,
    }
)
"""A registry decided, even if a person reviewed before."""

MAY_NEED_A_PERSON = frozenset({Reason.REGISTRY_GENDER_MISSING, Reason.REGISTRY_CARD_DATA_MISSING})
"""Another photo may not help: the card or the registry may really lack what was not found. Contact is offered too."""

OUTAGE_WAITS = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
"""Before a remedy of later is worth trying, after the first, second and every further outage in a row."""


def outage_wait(outages_before: int) -> timedelta:
    """How long to wait after an outage, if so many others directly preceded it."""
    return OUTAGE_WAITS[min(outages_before, len(OUTAGE_WAITS) - 1)]
