"""gu1's words for where a validation stands, and the one table of moves between them."""

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
    """Ours, for a word of gu1's that we do not know. Never final, never success."""

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = frozenset({Status.APPROVED, Status.REJECTED, Status.EXPIRED, Status.CANCELLED})

# People do come back to a session they left, so `abandoned` is a place to go on from.
FORWARD: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(Status) - {Status.PENDING},
    Status.IN_PROGRESS: frozenset(Status) - {Status.PENDING, Status.IN_PROGRESS},
    Status.ABANDONED: frozenset(Status) - {Status.PENDING, Status.ABANDONED},
    Status.UNKNOWN: frozenset(Status) - {Status.UNKNOWN},
    Status.IN_REVIEW: FINAL | {Status.UNKNOWN},
    # The registry's double check can take an approval back; nothing else that is final moves.
    Status.APPROVED: frozenset({Status.REJECTED}),
    Status.REJECTED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.CANCELLED: frozenset(),
}


def may_move(old: Status, new: Status, *, newer: bool | None) -> bool:
    """Whether `new` may replace `old`.

    `newer` compares gu1's own update times; None where they cannot be compared, and then only
    forward moves count.
    """
    if newer is False:
        return False
    if newer and not old.is_final:
        return old is not new
    return new in FORWARD[old]
