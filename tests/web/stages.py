"""What to store to see each stage, one entry per stage."""

from __future__ import annotations

from portal.domain.onboarding import StallReason
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck
from tests.factories import NOW, a_validation, an_adopted_validation

SESSION_URL = "https://verify.example.com/session/of-the-tests"


def adopted(**changes):
    """With a hosted page at a host that the tests' portal allows."""
    return an_adopted_validation(**{"session_url": SESSION_URL} | changes)


def rejected(reason=Reason.REGISTRY_CARD_OUTDATED, **changes):
    return adopted(status=Status.REJECTED, reason=reason, **changes)


def stored_as(stage):
    """The changes to `an_onboarding` that put it at a stage; made anew each time, because ids are unique."""
    return {
        Stage.DETAILS: lambda: {"validation": a_validation(), "stall_reason": StallReason.DETAILS_REFUSED},
        Stage.PREPARING: lambda: {"validation": a_validation()},
        Stage.DELAYED: lambda: {"validation": a_validation(), "stall_reason": StallReason.REFUSED},
        Stage.READY: lambda: {"validation": adopted()},
        Stage.WAITING: lambda: {"validation": adopted(opened_at=NOW, returned_at=NOW)},
        Stage.CONFIRMING: lambda: {
            "validation": adopted(status=Status.APPROVED, double_check=DoubleCheck.UNANSWERED),
        },
        Stage.IN_REVIEW: lambda: {"validation": adopted(status=Status.IN_REVIEW)},
        Stage.APPROVED: lambda: {"validation": adopted(status=Status.APPROVED)},
        Stage.REJECTED: lambda: {"validation": rejected()},
        Stage.EXPIRED: lambda: {"validation": adopted(status=Status.EXPIRED, opened_at=NOW)},
        Stage.ABANDONED: lambda: {"validation": adopted(status=Status.ABANDONED, opened_at=NOW)},
        Stage.CANCELLED: lambda: {"validation": adopted(status=Status.CANCELLED, opened_at=NOW)},
        Stage.CLOSED: lambda: {"validation": rejected(Reason.NOT_ELIGIBLE, number=3)},
        Stage.LAPSED: lambda: {"validation": adopted(), "lapsed_at": NOW},
    }[stage]()


def ready_again():
    """A retry's hosted page is there: a phone goes on to it by itself."""
    return {"validation": adopted(number=2)}


SHOWN = [stage for stage in Stage if stage is not Stage.DETAILS]
"""The stages that have a status page."""

FINAL = [stage for stage in SHOWN if stage.is_final]
WAITED_FOR = [stage for stage in SHOWN if not stage.is_final]
