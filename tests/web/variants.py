"""Every page that a status page can be: what to store for it, how old it is, and what leads on from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from portal.domain.attempts import DEFAULT_WINDOW
from portal.domain.correction import Correction
from portal.domain.onboarding import StallReason
from portal.domain.reasons import OUTAGE_WAITS, REMEDIES, Reason, Remedy
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import REFRESHES_FOR_PAGE, Decider, DoubleCheck, IdentityBasis, IdentityMatch, Validation
from tests.factories import NOW, a_validation
from tests.web.stages import adopted, rejected, stored_as


@dataclass(frozen=True)
class Variant:
    stage: Stage
    leads_on: str
    """continue, retry, later, contact, start, wait, or nothing if nothing is left to do."""
    changes: Callable[[], dict[str, Any]]
    """To `an_onboarding`; made anew each time, because ids are unique."""
    age: timedelta = timedelta()
    """Since the last change."""


MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)


def _at(stage: Stage) -> Callable[[], dict[str, Any]]:
    return lambda: stored_as(stage)


def _with(**changes: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"validation": adopted(**changes)}


def _put_off() -> dict[str, Any]:
    later = NOW + timedelta(minutes=5)
    return {"validation": a_validation(), "stall_reason": StallReason.UNAVAILABLE, "failures": 3, "due_at": later}


def _leads_on(reason: Reason) -> str:
    return {Remedy.RETRY_NOW: "retry", Remedy.RETRY_LATER: "later", Remedy.CONTACT: "contact"}[REMEDIES[reason]]


def _rejected(reason: Reason, **changes: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"validation": rejected(reason, **changes)}


def mistyped(**changes: Any) -> dict[str, Any]:
    held = adopted(
        status=Status.APPROVED,
        identity_match=IdentityMatch.MISMATCH,
        identity_basis=IdentityBasis.NUMBER,
        verified_digest="d2" * 32,
        opened_at=NOW,
    )
    return {"validation": held, "entity_id": "entity-1", "entity_is_own": True} | changes


def on_new_record(validation: Validation) -> dict[str, Any]:
    return {"validation": validation, "correction": Correction.REPLACED, "set_aside": 1}


SILENT = Reason.REGISTRY_UNAVAILABLE

VARIANTS = {
    "preparing": Variant(Stage.PREPARING, "wait", _at(Stage.PREPARING)),
    "preparing for long": Variant(Stage.PREPARING, "wait", _at(Stage.PREPARING), MINUTE),
    "ready": Variant(Stage.READY, "continue", _at(Stage.READY)),
    "ready past its end": Variant(Stage.READY, "wait", _at(Stage.READY), WEEK),
    "at the photos": Variant(Stage.WAITING, "continue", _with(opened_at=NOW)),
    "at the photos for long": Variant(Stage.WAITING, "continue", _with(opened_at=NOW), MINUTE),
    "waiting": Variant(Stage.WAITING, "continue", _at(Stage.WAITING)),
    "waiting for long": Variant(Stage.WAITING, "continue", _at(Stage.WAITING), MINUTE),
    "checked": Variant(Stage.WAITING, "wait", _with(status=Status.IN_PROGRESS, session_url=None, opened_at=NOW)),
    "checked for long": Variant(Stage.WAITING, "wait", _with(status=Status.UNKNOWN, opened_at=NOW), MINUTE),
    "confirming": Variant(Stage.CONFIRMING, "wait", _at(Stage.CONFIRMING)),
    "confirming for long": Variant(Stage.CONFIRMING, "wait", _at(Stage.CONFIRMING), MINUTE),
    "confirming for days": Variant(Stage.CONFIRMING, "contact", _at(Stage.CONFIRMING), WEEK),
    "without a hosted page": Variant(Stage.DELAYED, "wait", _with(session_url=None, refreshes=REFRESHES_FOR_PAGE)),
    "in review": Variant(Stage.IN_REVIEW, "wait", _at(Stage.IN_REVIEW)),
    "on hold": Variant(
        Stage.IN_REVIEW, "contact", _with(status=Status.APPROVED, identity_match=IdentityMatch.MISMATCH)
    ),
    "on hold for a number that may be mistyped": Variant(Stage.IN_REVIEW, "correct", mistyped),
    "on hold for two wrong numbers": Variant(
        Stage.IN_REVIEW, "contact", lambda: mistyped(correction=Correction.REFUSED)
    ),
    "correcting the number": Variant(Stage.IN_REVIEW, "wait", lambda: mistyped(correction=Correction.PENDING)),
    "correcting the number for long": Variant(
        Stage.IN_REVIEW, "contact", lambda: mistyped(correction=Correction.PENDING), MINUTE
    ),
    "preparing new photos": Variant(Stage.PREPARING, "wait", lambda: on_new_record(a_validation(number=2))),
    "ready for new photos": Variant(Stage.READY, "continue", lambda: on_new_record(adopted(number=2))),
    "on hold for the name": Variant(
        Stage.IN_REVIEW,
        "contact",
        _with(status=Status.APPROVED, identity_match=IdentityMatch.MISMATCH, identity_basis=IdentityBasis.NAME),
    ),
    "on hold because nothing was compared": Variant(
        Stage.IN_REVIEW, "contact", _with(status=Status.APPROVED, identity_required=True)
    ),
    "on hold for the registry": Variant(
        Stage.IN_REVIEW,
        "contact",
        _with(status=Status.APPROVED, double_check=DoubleCheck.UNANSWERED, patience_ended_at=NOW),
    ),
    "approved": Variant(Stage.APPROVED, "nothing", _at(Stage.APPROVED)),
    "verified before": Variant(
        Stage.APPROVED, "nothing", lambda: {"validation": None, "verified_before_at": NOW, "external_id": "customer-7"}
    ),
    "expired": Variant(Stage.EXPIRED, "retry", _at(Stage.EXPIRED)),
    "expired after an approval": Variant(Stage.EXPIRED, "retry", _with(status=Status.EXPIRED, was_approved=True)),
    "cancelled after an approval": Variant(Stage.CANCELLED, "retry", _with(status=Status.CANCELLED, was_approved=True)),
    "rejected by a person": Variant(
        Stage.REJECTED, "contact", _rejected(Reason.DOCUMENT_UNREADABLE, decided_by=Decider.PERSON)
    ),
    "closed by a person": Variant(
        Stage.CLOSED, "contact", _rejected(Reason.UNSPECIFIED, decided_by=Decider.PERSON, number=3)
    ),
    "abandoned": Variant(Stage.ABANDONED, "continue", _at(Stage.ABANDONED)),
    "abandoned and not to be closed": Variant(
        Stage.ABANDONED, "contact", _with(status=Status.ABANDONED, opened_at=NOW, restart_refused_at=NOW)
    ),
    "abandoned and being closed": Variant(
        Stage.PREPARING, "wait", _with(status=Status.ABANDONED, opened_at=NOW, restart_asked_at=NOW)
    ),
    "abandoned past its end": Variant(Stage.ABANDONED, "wait", _at(Stage.ABANDONED), WEEK),
    "abandoned past its end for the last time": Variant(
        Stage.ABANDONED, "wait", _with(status=Status.ABANDONED, opened_at=NOW, number=3), WEEK
    ),
    "cancelled": Variant(Stage.CANCELLED, "retry", _at(Stage.CANCELLED)),
    "stopped": Variant(Stage.CANCELLED, "start", lambda: stored_as(Stage.WAITING) | {"stopped_at": NOW}),
    "cancelled by an operator": Variant(
        Stage.CANCELLED, "contact", lambda: stored_as(Stage.WAITING) | {"stopped_at": NOW, "stopped_by_operator": True}
    ),
    "stopped by a partner's customer": Variant(
        Stage.CANCELLED, "contact", lambda: {"validation": None, "stopped_at": NOW, "external_id": "customer-8"}
    ),
    "delayed": Variant(Stage.DELAYED, "wait", _at(Stage.DELAYED)),
    "delayed until later": Variant(Stage.DELAYED, "wait", _put_off),
    "delayed with a way on": Variant(
        Stage.DELAYED,
        "continue",
        lambda: stored_as(Stage.WAITING) | {"stall_reason": StallReason.UNAVAILABLE, "failures": 2},
    ),
    "lapsed": Variant(Stage.LAPSED, "contact", _at(Stage.LAPSED)),
    "closed": Variant(Stage.CLOSED, "contact", _at(Stage.CLOSED)),
    "closed for now": Variant(Stage.CLOSED, "later", _rejected(Reason.FACE_MISMATCH, number=3)),
    "closed until now": Variant(Stage.CLOSED, "retry", _rejected(Reason.FACE_MISMATCH, number=3), DEFAULT_WINDOW),
    "held back": Variant(Stage.CLOSED, "later", lambda: {"validation": a_validation(), "earlier_attempts": (NOW,) * 3}),
    "held back until now": Variant(
        Stage.CLOSED,
        "retry",
        lambda: {"validation": adopted(), "earlier_attempts": (NOW,) * 3},
        DEFAULT_WINDOW,
    ),
    "closed without a verdict": Variant(Stage.CLOSED, "later", _with(status=Status.EXPIRED, opened_at=NOW, number=3)),
    "rejected before the last attempt": Variant(
        Stage.REJECTED, "retry", _rejected(Reason.REGISTRY_CARD_OUTDATED, number=2)
    ),
    "registry silent for long": Variant(Stage.REJECTED, "retry", _rejected(SILENT), OUTAGE_WAITS[0]),
    "registry silent abroad": Variant(
        Stage.REJECTED, "later", lambda: {"validation": rejected(SILENT), "country": "BR"}
    ),
    **{f"rejected: {reason}": Variant(Stage.REJECTED, _leads_on(reason), _rejected(reason)) for reason in Reason},
}
