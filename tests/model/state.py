"""One moment of everything: the database, gu1, the workers and what is on its way between them."""

from __future__ import annotations

from typing import Any, NamedTuple

NONE = -1


class Sending:
    """Plain strings, here and below: members of an enum take longer to hash than all the rest."""

    PLANNED = "planned"
    SENT = "sent"
    ADOPTED = "adopted"


class Status:
    OPEN = "open"
    ABANDONED = "abandoned"
    CONFIRMING = "confirming"
    """Approved and paid, while RENAPER still has to answer."""
    JUDGED = "judged"
    """Approved or rejected: paid. Only the second may be retried, so it stands for both.

    Where reviewers overturn verdicts it stands for a rejection only.
    """
    APPROVED = "approved"
    """By a reviewer, after the rejection."""
    TAKEN_BACK = "taken back"
    """Rejected again, after that approval."""
    ENDED = "ended"
    """Expired or cancelled: nobody can complete it any more, and nobody pays."""


class Correction:
    """Of a number that was mistyped, where `World.corrections`."""

    NONE = ""
    PENDING = "pending"
    CORRECTED = "corrected"
    """The verdict counts."""
    REPLACED = "replaced"
    """A new record and a new validation followed."""


class Record:
    """What gu1 did with the number of the first record."""

    UNASKED = ""
    RIGHT = "right"
    KEPT = "kept"


CANCELLED = "cancelled"
"""What a stopped onboarding says of itself."""


_FINAL = frozenset({Status.JUDGED, Status.APPROVED, Status.TAKEN_BACK, Status.ENDED})
_ORDER = (Status.JUDGED, Status.APPROVED, Status.TAKEN_BACK)
"""In which gu1 changes a verdict."""


class Step:
    """What a worker is about to do."""

    IDLE = "idle"
    WRITE_AHEAD = "write ahead"
    POST = "post"
    WAIT = "wait"
    SAVE = "save"
    LIST = "list"
    CHECK = "check"
    CHECK_MORE = "check more"
    ADOPT = "adopt"
    MISS = "miss"
    SWEEP = "sweep"
    CANCEL = "cancel"
    RECHECK = "recheck"
    CORRECT = "correct"
    SETTLE = "settle"


class Attempt(NamedTuple):
    """A validation that its onboarding does not stand at."""

    number: int
    session: int
    status: str
    """As the onboarding knows it."""


class Row(NamedTuple):
    """An onboarding in the database, with the validation it stands at."""

    number: int = 1
    intent: int = 1
    """The first of its validations that serve the present intent: the later ones replace what ended unpaid."""
    sending: str = Sending.PLANNED
    sends: int = 0
    looks: int = 0
    adopted: int = NONE
    status: str = Status.OPEN
    stopped: bool = False
    due: bool = True
    sweeps: bool = False
    """Twins of its adopted validations are thought possible."""
    opened: int = 1
    """The highest number so far."""
    others: tuple[Attempt, ...] = ()
    """Its other adopted validations, only where reviewers overturn verdicts."""
    rechecks: bool = False
    """One of the others is open and is to be cancelled, or may be approved."""
    leased: bool = False
    """Only where leases are trusted."""
    told: str = Status.OPEN
    """What page, JSON, API, way back and the last notification say; only where `World.tells`."""
    vouched: bool = False
    """Its approval at gu1 counted for the customer's next onboarding."""
    correction: str = Correction.NONE
    record: str = Record.UNASKED
    """As gu1 has it."""

    @property
    def looked(self) -> int:
        """Twice the empty looks, and one more where everything is stopped."""
        return 2 * self.looks + self.stopped


class Session(NamedTuple):
    """A validation at gu1; they are kept in the order of their creation."""

    row: int
    number: int
    """The two together are the nonce; `row` is NONE for another system's."""
    status: str = Status.OPEN
    shown_by: int = NONE
    """The onboarding whose page led somebody there."""
    shown_for: int = 0
    """The intent of this onboarding then."""

    @property
    def is_alive(self) -> bool:
        return is_alive(self.status)


class Worker(NamedTuple):
    step: str = Step.IDLE
    row: int = 0
    number: int = 0
    what: int = 0
    """A session; for CHECK, CHECK_MORE and RECHECK a set of them, as bits; for LIST and MISS `Row.looked` of the
    claim; for SETTLE whether gu1 shows the right number."""
    holds: bool = False
    """Whether its claim's fence is still the row's."""


class State(NamedTuple):
    rows: tuple[Row, ...]
    sessions: tuple[Session, ...]
    workers: tuple[Worker, ...]
    posts: tuple[tuple[int, int], ...] = ()
    """Nonces of requests that nobody waits for any more and that gu1 may still get."""

    def with_row(self, index: int, **changes: object) -> State:
        changed = self.rows[index]._replace(**changes)
        return State(_put(self.rows, index, changed), self.sessions, self.workers, self.posts)

    def with_session(self, index: int, **changes: object) -> State:
        changed = self.sessions[index]._replace(**changes)
        return State(self.rows, _put(self.sessions, index, changed), self.workers, self.posts)

    def with_worker(self, index: int, worker: Worker) -> State:
        return State(self.rows, self.sessions, _put(self.workers, index, worker), self.posts)

    def with_new(self, session: Session) -> State:
        return State(self.rows, (*self.sessions, session), self.workers, self.posts)

    def adopters(self, session: int) -> list[int]:
        return [
            index
            for index, row in enumerate(self.rows)
            if row.adopted == session or (row.others and any(other.session == session for other in row.others))
        ]

    def canonical(self) -> State:
        """The same, whichever of the workers does what."""
        return State(self.rows, self.sessions, tuple(sorted(self.workers)), self.posts)


class Move(NamedTuple):
    name: str
    """What happens; a key of `narration.SENTENCES`."""
    who: int
    """The worker that does it, or the onboarding that it happens to."""
    what: int
    """The validation that it is about, or the onboarding that the worker claims."""
    after: State


def is_alive(status: str) -> bool:
    return status in {Status.OPEN, Status.ABANDONED}


def is_final(status: str) -> bool:
    return status in _FINAL


def is_earlier(status: str, other: str) -> bool:
    """Whether gu1 says the first before the second."""
    return status in _ORDER and other in _ORDER and _ORDER.index(status) < _ORDER.index(other)


def _put(all_: tuple[Any, ...], index: int, one: object) -> tuple[Any, ...]:
    return (*all_[:index], one, *all_[index + 1 :])
