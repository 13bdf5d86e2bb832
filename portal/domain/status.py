"""The statuses of a validation, as gu1 names them, and the allowed changes between them."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """Ours, for a status of gu1's that we do not know. Never final, never success."""

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = frozenset({Status.APPROVED, Status.REJECTED, Status.EXPIRED, Status.CANCELLED})

OPEN = frozenset({Status.PENDING, Status.IN_PROGRESS, Status.ABANDONED, Status.UNKNOWN})
"""Somebody may still complete the session."""

TOLD_BY_WEBHOOK = OPEN - {Status.UNKNOWN}
"""What gu1 says next of a validation in one of these is another status, of which it sends a webhook.

Not so of an approval: its double check may be answered without one. And an unknown word may mean anything.
"""

CLOSED_UNPAID = frozenset({Status.EXPIRED, Status.CANCELLED})
"""Nobody can complete it any more, and gu1 charges nothing."""

# Applicants return to abandoned sessions, so `abandoned` is not final.
FORWARD: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(Status) - {Status.PENDING},
    Status.IN_PROGRESS: frozenset(Status) - {Status.PENDING, Status.IN_PROGRESS},
    Status.ABANDONED: frozenset(Status) - {Status.PENDING, Status.ABANDONED},
    Status.UNKNOWN: frozenset(Status) - {Status.UNKNOWN},
    Status.IN_REVIEW: FINAL | {Status.UNKNOWN},
}

# The only changes of a final status: a reviewer overturns a verdict, RENAPER or the monitoring of documents takes an
# approval back, or a verdict arrives after the session was closed. All of them, because news of what was in between
# may be lost or late: `rejected` is followed by `expired` if the approval between them was not heard of.
OVERTURNS: dict[Status, frozenset[Status]] = {
    Status.APPROVED: frozenset({Status.REJECTED, Status.EXPIRED, Status.CANCELLED}),
    Status.REJECTED: frozenset({Status.APPROVED, Status.EXPIRED, Status.CANCELLED}),
    Status.EXPIRED: frozenset({Status.APPROVED, Status.REJECTED, Status.CANCELLED}),
    Status.CANCELLED: frozenset({Status.APPROVED, Status.REJECTED, Status.EXPIRED}),
}


def may_move(old: Status, new: Status, *, newer: bool | None) -> bool:
    """Whether `new` may replace `old`.

    `newer`: whether gu1's update time is newer; None if the times cannot be compared, and then only changes that
    cannot be undone by the same news in another order are allowed.
    """
    if newer is False:
        return False
    if old.is_final:
        return new in OVERTURNS[old] if newer else (old, new) == (Status.APPROVED, Status.REJECTED)
    return old is not new if newer else new in FORWARD[old]
