"""How a validation can end, and what the hosted page offers."""

from __future__ import annotations

from dataclasses import dataclass

REGISTRY_CODES = (
    "RENAPER_DNI_MISSING",
    "RENAPER_GENDER_MISSING",
    "RENAPER_VERIFICATION_UNAVAILABLE",
    "RENAPER_DNI_NOT_MATCH",
    "RENAPER_TRAMITE_DATA_MISSING",
    "RENAPER_TRAMITE_ID_NOT_MATCH",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    key: str
    label: str
    status: str
    code: str | None = None
    document_number: str | None = None
    """The document's number, if it differs from the entity's."""
    person: tuple[str, str] | None = None
    """First and last names on the document, if they differ from the entity's."""
    is_read: bool = True
    """False: the provider extracts nothing from the document."""
    registry_answers: bool = True
    then: Outcome | None = None
    then_after: float = 0.0
    """Seconds until the outcome `then`."""

    @property
    def is_from_registry(self) -> bool:
        return self.code in REGISTRY_CODES

    @property
    def needs_registry(self) -> bool:
        return self.is_from_registry or (self.then is not None and self.then.needs_registry)


def rejection(code: str) -> Outcome:
    return Outcome(code, f"Reject: {code}", "rejected", code)


APPROVE = Outcome("approve", "Approve", "approved")
APPROVE_SOMEBODY_ELSE = Outcome(
    "approve-somebody-else",
    "Approve with somebody else's document",
    "approved",
    document_number="11111111",
    person=("ROSA", "QUISPE MAMANI"),
)
APPROVE_MISTYPED = Outcome(
    "approve-mistyped", "Approve with the document 30111223", "approved", document_number="30111223"
)
APPROVE_UNREAD = Outcome("approve-unread", "Approve, and extract nothing from the document", "approved", is_read=False)
APPROVE_THEN_REGISTRY_REJECTS = Outcome(
    "approve-then-reject",
    "Approve, and RENAPER rejects 5 seconds later",
    "approved",
    registry_answers=False,
    then=rejection("RENAPER_TRAMITE_ID_NOT_MATCH"),
    then_after=5.0,
)
REVIEW = Outcome("review", "Send to review", "in_review")
ABANDON = Outcome("abandon", "Abandon", "abandoned")
EXPIRE = Outcome("expire", "Let it expire", "expired")
CANCEL = Outcome("cancel", "Cancel", "cancelled")
REJECT = Outcome("reject", "Reject without a code", "rejected")
FREEZE = Outcome("freeze", "A status that nobody knows", "frozen")

OFFERED: dict[str, tuple[Outcome, ...]] = {
    "Approve": (APPROVE, APPROVE_SOMEBODY_ELSE, APPROVE_MISTYPED, APPROVE_UNREAD),
    "Reject after the RENAPER double check": tuple(rejection(code) for code in REGISTRY_CODES),
    "Reject the document or the face": tuple(
        rejection(code)
        for code in (
            "DOCUMENT_EXPIRED",
            "COULD_NOT_RECOGNIZE_DOCUMENT",
            "LOW_FACE_MATCH_SIMILARITY",
            "LIVENESS_FAILED",
            "ID_DOCUMENT_IN_BLOCKLIST",
        )
    ),
    "End without a verdict": (REVIEW, ABANDON, EXPIRE),
}

FOR_OPERATORS: dict[str, tuple[Outcome, ...]] = OFFERED | {
    "As the organization": (REJECT, CANCEL, FREEZE),
    "As only a number does": (APPROVE_THEN_REGISTRY_REJECTS, rejection("LIVENESS_FACE_ATTACK")),
}
"""Every outcome of the table of document numbers is among them."""


def offered(key: str, groups: dict[str, tuple[Outcome, ...]] = OFFERED) -> Outcome | None:
    return next((outcome for group in groups.values() for outcome in group if outcome.key == key), None)
