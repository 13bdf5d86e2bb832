"""What the services need of the world, as protocols; `store` and `gu1` fill them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from portal.domain.entity_status import EntityStatus
from portal.domain.onboarding import Details, Onboarding
from portal.domain.validation import Listing, Observation
from portal.services.notification import DeliveryResult, Event

Clock = Callable[[], datetime]
"""Aware, in UTC."""


class LockedOnboarding(Protocol):
    """One onboarding, locked until its context ends."""

    onboarding: Onboarding

    def save(self, changed: Onboarding) -> None:
        """Writes the whole aggregate; the context commits it."""

    def erase(self, changed: Onboarding) -> None:
        """Writes it without the person, and nothing of the person stays anywhere beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """A request with an Idempotency-Key: repeated, it gets the first answer again."""

    key: str
    fingerprint: str
    is_same: Callable[[str], bool]
    """Whether this is the fingerprint of the same request."""


ReusePolicy = Callable[[Onboarding], Onboarding | None]
"""What becomes of a customer's earlier onboarding that is wished for again; None where it is over."""


class StoredResult(NamedTuple):
    onboarding: Onboarding
    is_new: bool
    """False for the customer's open onboarding, which was there before."""
    answer: str
    """What was told of it at the time."""


class Store(Protocol):
    """Every method commits before it returns and raises `StoreUnavailable` where it could not."""

    def add(self, onboarding: Onboarding) -> Onboarding:
        """The stored onboarding: an earlier one where its `submission` was stored before."""

    def add_for_customer(
        self,
        onboarding: Onboarding,
        *,
        idempotent: IdempotentRequest | None,
        reuse: ReusePolicy,
        answer: Callable[[Onboarding], str],
    ) -> StoredResult:
        """The stored onboarding, or the one that the partner's customer had before, where `reuse` says so.

        An `idempotent` request that is repeated gets the first result, `answer` included. Raises `KeyReused` if the key
        was used for another request.
        """

    def get(self, onboarding_id: str) -> Onboarding:
        """Raises `UnknownOnboarding`."""

    def find_by_session(self, session_id: str) -> Onboarding | None:
        """The onboarding whose current validation has this provider session."""

    def find_by_validation(self, gu1_id: str) -> Onboarding | None:
        """The onboarding that asked gu1 for this validation, also where a retry has replaced it since."""

    def locked(self, onboarding_id: str) -> AbstractContextManager[LockedOnboarding]:
        """Raises `UnknownOnboarding`; rolls back where the context raises."""

    def locked_by_validation(self, gu1_id: str) -> AbstractContextManager[LockedOnboarding | None]:
        """The onboarding whose current validation has this id at gu1."""

    def locked_by_nonce(self, nonce: str) -> AbstractContextManager[LockedOnboarding | None]:
        """The onboarding whose current validation was asked for under this nonce."""

    def known(self, gu1_ids: list[str]) -> set[str]:
        """Those of them that were adopted by any onboarding."""

    def adopted_nonces(self, onboarding_id: str) -> set[str]:
        """Of those of its validations that gu1 is known to have."""

    def is_shared_with_unanswered(self, onboarding: Onboarding) -> bool:
        """Whether another one asked for validations of the same entity that nobody has seen yet."""

    def claim(self, *, now: datetime, lease_until: datetime, limit: int) -> list[Onboarding]:
        """Takes due onboardings that nobody else holds, each with a fence of its own."""

    def next_due(self, now: datetime) -> datetime | None:
        """When the next onboarding that nobody holds falls due."""

    def watch(self, onboarding_id: str, now: datetime) -> None:
        """Notes that somebody is looking at the page."""

    def count_watched(self, since: datetime) -> int: ...

    def forget_details(self, created_until: datetime, *, limit: int) -> None:
        """What was typed, in at most `limit` onboardings; the number's hash only where nothing is left to do."""

    def ping(self) -> None: ...


class SharedState(Protocol):
    """What all replicas remember together beside the onboardings."""

    def knows_webhook(self, body_sha256: str) -> bool: ...

    def remember_webhook(self, body_sha256: str, now: datetime) -> None: ...

    def forget_webhooks(self, before: datetime) -> None: ...

    def forget_keys(self, before: datetime) -> None:
        """The idempotency keys of partners' requests."""

    def spend(self, hour: datetime, limit: int) -> bool:
        """Takes one from the hour's budget; False where `limit` is reached."""

    def spent(self, hour: datetime) -> int: ...


class Outbox(Protocol):
    """What partners' backends are still to be told; written by the store in the transaction of each change."""

    def next_due(self, now: datetime) -> datetime | None:
        """When the next event that nobody holds falls due."""

    def due_partners(self, now: datetime) -> list[str]:
        """Whose events are due and held by nobody."""

    def claim(self, partner: str, *, now: datetime, lease_until: datetime, limit: int) -> list[Event]:
        """Takes due events that nobody else holds, those that have waited longest first."""

    def delivered(self, claimed: Event, *, now: datetime, outcome: str) -> None:
        """Like every write about a claimed event without effect where the claim was lost."""

    def retry_later(self, claimed: Event, *, due_at: datetime | None, outcome: str) -> None:
        """After a try that failed; None where it was the last one, and only `resend` brings the event back."""

    def release(self, claimed: Event) -> None:
        """Untried, for the next one to claim at once."""

    def postpone_all(self, partner: str, *, now: datetime, until: datetime, outcome: str) -> None:
        """Puts all due events of a partner off together, without a try."""

    def listed(self, partner: str | None, *, undelivered_only: bool, limit: int) -> list[Event]:
        """The newest first."""

    def resend(self, event_ids: Sequence[str], now: datetime) -> set[str]:
        """Makes events due, whatever became of them, for as many tries as new ones; which of them there are."""

    def resend_undelivered(self, partner: str, now: datetime) -> int:
        """How many."""

    def forget_delivered(self, before: datetime) -> None: ...


class Notifier(Protocol):
    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> DeliveryResult:
        """One POST, and what came of it."""


class Gu1(Protocol):
    """gu1 as the engine sees it. Every method raises the `Gu1Error`s and nothing else."""

    async def create_entity(self, details: Details, external_id: str) -> str:
        """The new entity's id. A duplicate is `Refused` with the existing `entity_id`."""

    async def find_entity(self, external_id: str) -> str | None: ...

    async def find_entity_by_tax_id(self, country: str, tax_id: str) -> str | None: ...

    async def read_entity_status(self, entity_id: str) -> EntityStatus: ...

    async def create_validation(
        self,
        entity_id: str,
        *,
        double_check: bool,
        metadata: dict[str, str | int],
        integration_code: str | None = None,
    ) -> Observation:
        """The paid call; sent on a connection of its own, at most once per call.

        `integration_code`: another one than the operator's usual.
        """

    async def read_validation(self, gu1_id: str) -> Observation: ...

    async def sync_validation(self, gu1_id: str) -> Observation | None:
        """Has gu1 ask the provider, free of charge; None where the answer does not show the validation."""

    async def list_validations(self, entity_id: str) -> Listing: ...

    async def cancel_validation(self, gu1_id: str, reason: str) -> None: ...

    async def aclose(self) -> None: ...


class Meter(Protocol):
    def count(self, event: str, **labels: str) -> None:
        """Counts something worth an operator's attention; labels never hold personal data."""
