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
    JUDGED = "judged"
    """Approved or rejected: paid. Only the second may be retried, so it stands for both."""
    OVERTURNED = "overturned"
    """Rejected, and approved by a reviewer afterwards: paid once."""
    ENDED = "ended"
    """Expired or cancelled: nobody can complete it any more, and nobody pays."""


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


class Row(NamedTuple):
    """An onboarding in the database, with the validation it stands at."""

    number: int = 1
    goes_on: bool = False
    """Its second validation replaces one that ended unpaid: still the same intent."""
    sending: str = Sending.PLANNED
    sends: int = 0
    looks: int = 0
    adopted: int = NONE
    status: str = Status.OPEN
    stopped: bool = False
    due: bool = True
    sweeps: bool = False
    """Twins of its adopted validations are thought possible."""
    leased: bool = False
    """Only where leases are trusted."""
    opened: int = 1
    """The highest number; `number` is lower if an earlier attempt was approved afterwards."""
    earlier: int = NONE
    """The session of the attempt before this one."""
    left: int = NONE
    """The open session of an attempt that no longer counts; to be cancelled."""

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
    """The number that this onboarding stood at then."""

    @property
    def is_alive(self) -> bool:
        return is_alive(self.status)


class Worker(NamedTuple):
    step: str = Step.IDLE
    row: int = 0
    number: int = 0
    what: int = 0
    """A session; for CHECK and CHECK_MORE a set of them, as bits; for LIST and MISS `Row.looked` of the claim."""
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

    def is_another_attempts(self, session: int) -> bool:
        return any(session in {row.earlier, row.left} for row in self.rows)

    def adopters(self, session: int) -> list[int]:
        return [index for index, row in enumerate(self.rows) if row.adopted == session]

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


def _put(all_: tuple[Any, ...], index: int, one: object) -> tuple[Any, ...]:
    return (*all_[:index], one, *all_[index + 1 :])
