"""Protocols of what the services use; implemented in `store` and `http`, and by fakes in the tests. gu1 has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

from portal.domain.errors import PortalError
from portal.domain.onboarding import Onboarding
from portal.domain.start_limits import StartCounter
from portal.domain.validation import Validation
from portal.services.change_history import Cause, HistoryEntry
from portal.services.entity_history import EntityHistory
from portal.services.notification import DeliveryResult, Event
from portal.services.problems import AttemptRow, Problem, ProblemCount, ProblemRow, ReverificationRow

T = TypeVar("T")

Clock = Callable[[], datetime]
"""Aware, in UTC."""


class CountedAttempt(NamedTuple):
    at: datetime
    is_own: bool
    """Of the onboarding itself, not of another one of the same person."""


FindAttempts = Callable[[str | None, datetime, datetime], list[CountedAttempt]]
"""Person, after when and until when: the attempts that count, without the current validation's."""


FindAnyAttempts = Callable[[Onboarding, str | None, datetime, datetime], list[CountedAttempt]]
"""The same for any onboarding."""


class LockedOnboarding(Protocol):
    """An onboarding, locked until the context ends."""

    onboarding: Onboarding

    @property
    def onboarding_not_erased(self) -> Onboarding:
        """Raises `UnknownOnboarding`."""

    def earlier_response(self, request: IdempotentRequest) -> str | None:
        """To the same request, if it is repeated. Raises `KeyReused` if its key was used for another one."""

    def remember_response(self, request: IdempotentRequest, response: str, now: datetime) -> None: ...

    def remember_webhook(self, body_sha256: str, now: datetime) -> None:
        """Like `SharedState.remember_webhook`, in the transaction of what the webhook changed."""

    def find_event(self, event_id: str) -> Event | None: ...

    def resend_event(self, event_id: str, now: datetime) -> Event | None:
        """Makes this notification of the onboarding's due; None if it has no such one."""

    def save(self, changed: Onboarding, cause: Cause | None = None) -> None:
        """Writes the whole aggregate and its history; committed when the context ends.

        `cause`: who or what made the change, if the change itself does not show it.
        """

    def count_start(self, counters: Sequence[StartCounter], now: datetime) -> int:
        """How many starts came before from where this one does. Raises `LimitReached`."""

    def find_attempts(self, person: str | None, after: datetime, until: datetime) -> list[CountedAttempt]:
        """Like `Store.reading_attempts`. Until the context ends, no other process counts those of the same person."""

    def other_attempt(self, gu1_id: str) -> Validation | None:
        """This attempt, if it is adopted and the onboarding stands at another one."""

    def other_attempts(self) -> list[Validation]:
        """Its adopted validations except the one that it stands at."""

    def save_other_attempt(self, attempt: Validation) -> None:
        """Writes only that attempt."""

    def erase(self, changed: Onboarding, cause: Cause | None = None) -> None:
        """Writes it without personal data, and deletes that from all other rows too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """A request with an Idempotency-Key; if repeated, it gets the first response again."""

    key: str
    fingerprint: str
    is_same: Callable[[str], bool]
    """True if this stored fingerprint is of the same request."""


@dataclass(frozen=True, slots=True)
class RefusedReuse:
    """`onboarding` is saved all the same, and then `error` is raised."""

    onboarding: Onboarding
    error: PortalError


ReusePolicy = Callable[[Onboarding], Onboarding | RefusedReuse | None]
"""The customer's earlier onboarding with the new request applied; None if it cannot be continued."""


class StoredResult(NamedTuple):
    onboarding: Onboarding
    is_new: bool
    """False if the customer already had an open onboarding."""
    response: str
    """What the first response said of it."""
    error: PortalError | None = None
    """To be raised after the commit."""


class PollState(NamedTuple):
    """The few columns of an onboarding that an unchanged poll needs."""

    id: str
    locale: str
    partner: str | None
    erased_at: datetime | None
    updated_at: datetime
    due_at: datetime | None
    watched_at: datetime | None
    link_generation: int


class ListPosition(NamedTuple):
    """Of an onboarding in a list, the newest first."""

    created_at: datetime
    id: str


class Store(EntityHistory, Protocol):
    """Every method commits before it returns, and raises `StoreUnavailable` if it could not."""

    def add(self, onboarding: Onboarding, counters: Sequence[StartCounter] = ()) -> Onboarding:
        """The stored onboarding, counted; the earlier one if its `submission` was stored before.

        The first of `counters` is of where it comes from. Raises `LimitReached`.
        """

    def add_for_customer(
        self,
        onboarding: Onboarding,
        counters: Sequence[StartCounter] = (),
        *,
        idempotent: IdempotentRequest | None,
        reuse: ReusePolicy,
        respond: Callable[[Onboarding], str],
    ) -> StoredResult:
        """Stores the onboarding, or updates the customer's earlier one if `reuse` returns it.

        A repeated `idempotent` request gets the first result, including its `response`. Raises `KeyReused` if the key
        was used for another request, `LimitReached` if a new one is too many, and what `reuse` refuses with.
        """

    def get(self, onboarding_id: str) -> Onboarding:
        """Raises `UnknownOnboarding`."""

    def get_of_partner(self, partner: str, onboarding_id: str) -> Onboarding:
        """Raises `UnknownOnboarding`, after the same query, also for an erased one and for another partner's."""

    def list_of_partner(
        self,
        partner: str,
        *,
        external_id: str | None,
        purpose: str | None,
        created_after: datetime | None,
        after: ListPosition | None,
        limit: int,
    ) -> list[Onboarding]:
        """The newest first, without erased ones. `after`: those that follow this one, which are older."""

    def poll_state(self, onboarding_id: str) -> PollState:
        """Raises `UnknownOnboarding`."""

    def find_by_session(self, session_id: str) -> Onboarding | None:
        """The onboarding whose current validation has this provider session."""

    def find_by_validation(self, gu1_id: str) -> Onboarding | None:
        """The onboarding that requested this validation, even if a retry has replaced it."""

    def locked(self, onboarding_id: str) -> AbstractContextManager[LockedOnboarding]:
        """Raises `UnknownOnboarding`; rolls back if the context raises."""

    def locked_of_partner(self, partner: str | None, onboarding_id: str) -> AbstractContextManager[LockedOnboarding]:
        """`locked`, which raises `UnknownOnboarding`, after the same query, also for one of another partner's."""

    def locked_by_validation(self, gu1_id: str) -> AbstractContextManager[LockedOnboarding | None]:
        """The onboarding that adopted this validation, even if it stands at another one."""

    def change(self, onboarding_id: str, make: Callable[[LockedOnboarding], T]) -> Future[T]:
        """`locked`, in a transaction that may be shared with others that wait. The result of `make`, once it is kept.

        `make` writes nothing but this onboarding, quickly. It is called again if the transaction fails. What it raises
        is raised.
        """

    def change_by_validation(self, gu1_id: str, make: Callable[[LockedOnboarding], T]) -> Future[T | None]:
        """Like `change`, of the onboarding that adopted this validation; None if there is none."""

    def locked_by_nonce(self, nonce: str) -> AbstractContextManager[LockedOnboarding | None]:
        """The onboarding whose current validation has this nonce."""

    def adopted_ids(self, gu1_ids: list[str]) -> set[str]:
        """Those that any onboarding has adopted."""

    def closed_nonces(self, onboarding_id: str) -> set[str]:
        """The nonces of its adopted validations, and of those that it no longer stands at."""

    def other_attempts(self, onboarding_id: str) -> list[Validation]:
        """Its adopted validations except the one that it stands at."""

    def reading_attempts(self) -> AbstractContextManager[FindAnyAttempts]:
        """Finds an onboarding's earlier attempts, and those of the person's other onboardings.

        Of others only those that reached the hosted page and were rejected or are still open. Outages do not count.
        """

    def is_shared_with_unanswered(self, onboarding: Onboarding) -> bool:
        """True if another onboarding sent requests for the same entity and has no answer yet."""

    def last_restore(self) -> datetime | None:
        """When the database was last restored from a backup."""

    def claim(self, *, now: datetime, lease_until: datetime, limit: int) -> list[Onboarding]:
        """Leases due onboardings that are not leased, and gives each a new fence."""

    def next_due(self, now: datetime) -> datetime | None:
        """When the next onboarding without a lease is due."""

    def record_views(
        self, viewed: Sequence[str], came: Sequence[str], now: datetime, told_by: datetime | None = None
    ) -> list[str]:
        """Records that these pages are open, and makes the onboardings that `came` names due now.

        Those of which webhooks tell are due at `told_by` instead, if that is given. Returns those that it could not,
        because their page shows when they are due. Leaves out what is locked.
        """

    def count_watched(self, since: datetime) -> int: ...

    def purge_details(self, created_until: datetime, *, limit: int) -> int:
        """Deletes the details of at most `limit` onboardings, and what else is personal if no work is left.

        Returns of how many, like the other purges: 0 if none is left.
        """

    def purge_sessions(self, created_until: datetime, finished_until: datetime, *, limit: int) -> int:
        """Deletes hosted pages' addresses that nobody will open any more, where no work is left.

        Those of onboardings as old as `created_until`, and of final validations unchanged since `finished_until`.
        """

    def start_verification_checks(self, now: datetime, *, limit: int) -> None:
        """Makes onboardings due whose `verification_check_at` has come."""

    def forget_earlier_verifications(self, onboarding: Onboarding) -> None:
        """The customer was verified again in `onboarding`, so of the earlier ones nothing falls due any more."""

    def forget_persons(self, before: datetime, *, limit: int) -> int:
        """Deletes the hashes of persons who neither sent a form nor opened a hosted page since then."""

    def ping(self) -> None: ...


class History(Protocol):
    def newest_entries(self, onboarding_id: str, *, limit: int) -> list[HistoryEntry]:
        """In the order in which they were written, the newest last."""


class OnboardingSearch(Protocol):
    def ids_of(self, name: str) -> list[str]:
        """The onboardings with this reference, id, external id, or id at gu1 of their entity or a validation."""

    def attempts_of(self, onboarding_id: str) -> list[AttemptRow]: ...

    def list_problems(self, problem: Problem, *, now: datetime, limit: int) -> list[ProblemRow]:
        """The longest waiting first."""

    def list_reverifications(self, partner: str | None, *, limit: int) -> list[ReverificationRow]:
        """Customers who have to verify again, the longest due first. `partner`: None for all."""

    def count_problems(self, now: datetime) -> list[ProblemCount]:
        """Also those of which there is none."""


class SharedState(Protocol):
    """What all replicas share besides the onboardings."""

    def has_webhook(self, body_sha256: str) -> bool: ...

    def webhooks_nonblocking(self, body_sha256s: Sequence[str]) -> set[str]:
        """Those that are remembered. Raises `WouldBlock` if that is not quick."""

    def remember_webhook(self, body_sha256: str, now: datetime) -> None: ...

    def purge_webhooks(self, before: datetime, *, limit: int) -> int: ...

    def purge_idempotency_keys(self, before: datetime, *, limit: int) -> int: ...

    def purge_start_counters(self, before: datetime, *, limit: int) -> int:
        """Those that ended before."""

    def purge_installation_history(self, before: datetime, *, limit: int) -> int: ...

    def take_turn(self, name: str, now: datetime, *, every: timedelta) -> bool:
        """True for one process only, once in that time."""

    def spend(self, hour: datetime, limit: int) -> bool:
        """Takes one from the hour's budget; False if `limit` is reached."""

    def spent(self, hour: datetime) -> int: ...


class Outbox(Protocol):
    """Notifications to deliver; the store adds them in the transaction of each change."""

    def next_due(self, now: datetime) -> datetime | None:
        """When the next event without a lease is due."""

    def due_partners(self, now: datetime) -> list[str]:
        """The partners with due events that are not leased."""

    def claim(self, partner: str, *, now: datetime, lease_until: datetime, limit: int) -> list[Event]:
        """Leases due events that are not leased, the oldest due first."""

    def delivered(self, claimed: Event, *, now: datetime, outcome: str) -> None:
        """Like all writes of a claimed event, it has no effect if the lease was lost."""

    def retry_later(self, claimed: Event, *, due_at: datetime | None, outcome: str) -> None:
        """After a failed try; None after the last one, and then only `resend` sends the event again."""

    def release(self, claimed: Event) -> None:
        """Untried, so that it can be claimed again at once."""

    def postpone_all(self, partner: str, *, now: datetime, until: datetime, outcome: str) -> None:
        """Delays all due events of a partner, without a try."""

    def list_events(self, partner: str | None, *, undelivered_only: bool, limit: int) -> list[Event]:
        """The newest first."""

    def events_of(self, onboarding_id: str, *, limit: int) -> list[Event]:
        """The newest, in their order."""

    def resend(self, event_ids: Sequence[str], now: datetime) -> set[str]:
        """Makes these events due for as many tries as new ones; returns the ids that exist."""

    def purge_delivered(self, before: datetime, *, limit: int) -> int:
        """The onboarding keeps the number of its last event, from which the next is counted."""


class Notifier(Protocol):
    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> DeliveryResult:
        """Sends one POST."""
