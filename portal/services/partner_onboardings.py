"""The use cases of a partner: create, find and erase onboardings of its customers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from portal.domain.comparable_numbers import comparable, is_shared
from portal.domain.errors import AnotherApplicant, ApplicantLocked, CuilNeeded
from portal.domain.onboarding import Details, EntityConflict, Onboarding
from portal.domain.stage import Stage, stage_of
from portal.domain.standing import link_is_useful, may_correct_number, standing_of
from portal.domain.status import Status
from portal.services.change_history import Cause, HistoryEntry
from portal.services.keyed_hash import KeyedHash
from portal.services.meter import Meter
from portal.services.number_correction import NumberCorrector
from portal.services.ports import Clock, History, IdempotentRequest, ListPosition, RefusedReuse, Store
from portal.services.start_counters import StartCounters
from portal.services.validation_plan import Policy

MOST_OTHER_NUMBERS = 3
"""Of one onboarding: then no number is compared any more, so that nobody finds the applicant's by trial."""
LOOKS, SLICE = 1000, 100
"""How many onboardings a page of the list looks at, and how many of them at once: a stage is known only then."""
HISTORY_LIMIT = 500
"""Entries that are shown of one onboarding; hardly any has more than thirty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """One partner's request for one customer."""

    partner: str
    external_id: str
    purpose: str | None = None
    locale: str
    known_as: str | None = None
    return_url: str | None = None
    state: str | None = field(default=None, repr=False)
    metadata: Mapping[str, str] | None = field(default=None, repr=False)
    capture: str | None = None
    details: Details | None = None
    """If given, the customer only has to agree."""
    reverify: bool = False
    """Asks the customer even if an earlier approval is still valid."""
    sent_body: str = field(default="", repr=False)
    """Without the values that come from the registry."""

    @property
    def facts(self) -> str:
        """All that was requested, to detect an Idempotency-Key that is reused for another request."""
        return self.sent_body or json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class CreateResult:
    onboarding: Onboarding
    is_new: bool
    """False if the customer already had an open onboarding for this purpose."""
    status: Status
    stage: Stage
    """Both as in the first answer to this request."""


@dataclass(frozen=True, slots=True)
class Erasure:
    onboarding_id: str
    erased_at: datetime
    entity_id: str | None
    """Remains at gu1, like the validation; this portal cannot erase it there."""
    validation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    limit: int
    external_id: str | None = None
    purpose: str | None = None
    status: Status | None = None
    stage: Stage | None = None
    created_after: datetime | None = None
    after: ListPosition | None = None


class ListPage(NamedTuple):
    onboardings: Sequence[Onboarding]
    """The newest first."""
    next: ListPosition | None
    """None after the last page."""


class PartnerOnboardings:
    def __init__(
        self,
        store: Store,
        history: History,
        *,
        clock: Clock,
        request_hash: KeyedHash,
        document_hash: KeyedHash,
        corrector: NumberCorrector,
        counters: StartCounters,
        policy_for: Callable[[Onboarding], Policy],
        meter: Meter,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._history = history
        self._clock = clock
        self._request_hash = request_hash
        self._document_hash = document_hash
        self._corrector = corrector
        self._counters = counters
        self._policy_for = policy_for
        self._meter = meter
        self._wake = wake

    def create(
        self, request: CreateRequest, *, key: str | None = None, starts_per_day: int | None = None
    ) -> CreateResult:
        """A new onboarding, or the customer's open one; the first result again if `key` is repeated.

        Raises `KeyReused`, `AnotherApplicant`, `ApplicantLocked`, `CuilNeeded`, and `LimitReached` where a new one is
        one too many.
        """
        now = self._clock()
        fresh = Onboarding(
            id=secrets.token_urlsafe(16),
            partner=request.partner,
            external_id=request.external_id,
            purpose=request.purpose,
            known_as=request.known_as,
            locale=request.locale,
            return_url=request.return_url,
            state=request.state,
            metadata=request.metadata,
            capture=request.capture,
            details=request.details,
            country=request.details.country if request.details else None,
            given_by_partner=request.details is not None,
            reverify=request.reverify,
            due_at=None if request.reverify else now,
            created_at=now,
            updated_at=now,
        )
        idempotent = self._idempotent(key, request.facts) if key else None
        stored = self._store.add_for_customer(
            fresh,
            self._counters.of_partner(request.partner, starts_per_day),
            idempotent=idempotent,
            reuse=partial(self._reused, request),
            respond=self._respond,
        )
        if stored.onboarding.id == fresh.id:
            self._meter.count("invited", partner=request.partner)
        self._wake()
        status, stage = stored.response.split()
        return CreateResult(stored.onboarding, stored.is_new, Status(status), Stage(stage))

    def find(self, partner: str, onboarding_id: str) -> Onboarding:
        """Raises `UnknownOnboarding`, also for an onboarding of another partner."""
        return self._store.get_of_partner(partner, onboarding_id)

    def list_page(self, partner: str, wanted: ListRequest) -> ListPage:
        """A page may have fewer than `wanted.limit`, or none, and be followed by more: each looks at so many only."""
        matching: list[Onboarding] = []
        after, left = wanted.after, LOOKS
        while left > 0:
            size = min(left, SLICE)
            slice_ = self._store.list_of_partner(
                partner,
                external_id=wanted.external_id,
                purpose=wanted.purpose,
                created_after=wanted.created_after,
                after=after,
                limit=size,
            )
            for found in slice_:
                after = ListPosition(found.created_at, found.id)
                if self._is_wanted(found, wanted):
                    matching.append(found)
                if len(matching) == wanted.limit:
                    return ListPage(matching, after)
            if len(slice_) < size:
                return ListPage(matching, None)
            left -= size
        return ListPage(matching, after)

    def _is_wanted(self, found: Onboarding, wanted: ListRequest) -> bool:
        if wanted.status is not None and found.status is not wanted.status:
            return False
        return wanted.stage is None or self._stage(found) is wanted.stage

    def _stage(self, found: Onboarding) -> Stage:
        policy = self._policy_for(found)
        return standing_of(
            found, max_attempts=policy.max_attempts, attempts_window=policy.attempts_window, now=self._clock()
        ).stage

    def history(self, partner: str, onboarding_id: str) -> list[HistoryEntry]:
        """The newest entries, oldest first. Raises `UnknownOnboarding` like `find`."""
        return self._history.newest_entries(self.find(partner, onboarding_id).id, limit=HISTORY_LIMIT)

    def erase(self, partner: str | None, onboarding_id: str, cause: Cause | None = None) -> Erasure:
        """Erases all personal data at once; the runner then cancels an open validation at gu1.

        `cause`: if the partner did not ask for it itself.
        """
        now = self._clock()
        with self._store.locked_of_partner(partner, onboarding_id) as row:
            found = row.onboarding
            if found.erased_at is None:
                settled = found.validation is not None and found.validation.is_settled
                is_over = settled or found.verified_before_at is not None
                stopped_at = found.stopped_at or (None if is_over else now)
                found = replace(found, erased_at=now, stopped_at=stopped_at, due_at=found.due_at and now)
                row.erase(found, cause)
                self._meter.count("erased", partner=partner or "")
        self._wake()
        gu1_id = found.validation.gu1_id if found.validation else None
        return Erasure(found.id, found.erased_at or now, found.entity_id, gu1_id)

    def _idempotent(self, key: str, facts: str) -> IdempotentRequest:
        """A plain hash would let somebody find a number or a name by trial."""
        return IdempotentRequest(
            key=key, fingerprint=self._request_hash.digest(facts), is_same=partial(self._request_hash.matches, facts)
        )

    def _reused(self, request: CreateRequest, earlier: Onboarding) -> Onboarding | RefusedReuse | None:
        max_attempts, now = self._max_attempts(earlier), self._clock()
        if not link_is_useful(earlier, max_attempts=max_attempts, now=now):
            return None
        if now >= earlier.link_ends_at:
            earlier = earlier.with_new_link(now, earlier.ends_at)
        changed = replace(
            earlier,
            return_url=request.return_url or earlier.return_url,
            state=earlier.state if request.state is None else request.state,
            metadata=earlier.metadata if request.metadata is None else request.metadata,
            capture=request.capture or earlier.capture,
            reverify=request.reverify or earlier.reverify,
        )
        if request.details is None:
            return changed
        is_same = request.details == earlier.details
        if earlier.conflict is EntityConflict.CUIL_NEEDED and is_shared(
            request.details.country, request.details.document_number
        ):
            raise CuilNeeded
        if stage_of(earlier, max_attempts=max_attempts) is Stage.DETAILS:
            return changed if is_same else self._with_details(changed, request.details)
        if earlier.other_numbers >= MOST_OTHER_NUMBERS:
            raise ApplicantLocked(earlier.id)
        if not is_same and self._is_another_applicant(earlier, request.details):
            return self._corrected(earlier, changed, request.details)
        return changed

    def _corrected(self, earlier: Onboarding, onboarding: Onboarding, details: Details) -> Onboarding | RefusedReuse:
        """With the right number for one that was held because of it, whoever gave that; else it is somebody else."""
        now = self._clock()
        if not (may_correct_number(onboarding, now) and self._corrector.is_same_person(onboarding, details)):
            counted = replace(earlier, other_numbers=earlier.other_numbers + 1)
            return RefusedReuse(counted, AnotherApplicant(earlier.id))
        corrected = self._corrector.given_again(onboarding, details, now)
        self._meter.count("corrections", outcome=corrected.correction or "")
        return replace(corrected, given_by_partner=True)

    def _with_details(self, onboarding: Onboarding, details: Details) -> Onboarding:
        """Replaces the details by the partner's, to which the customer has not agreed yet."""
        return replace(
            onboarding,
            details=details,
            country=details.country,
            given_by_partner=True,
            consent=None,
            document_digest=None,
            name_digests=None,
            entity_conflict=None,
            attempts_opened=onboarding.validations_sent,
            validation=None,
            stall_reason=None,
            failures=0,
            updated_at=self._clock(),
        )

    def _is_another_applicant(self, earlier: Onboarding, details: Details) -> bool:
        number = comparable(details.country, details.document_number)
        known = earlier.document_digest
        return number is not None and known is not None and not self._document_hash.matches(number, known)

    def _respond(self, onboarding: Onboarding) -> str:
        return f"{onboarding.status} {stage_of(onboarding, max_attempts=self._max_attempts(onboarding))}"

    def _max_attempts(self, onboarding: Onboarding) -> int:
        return self._policy_for(onboarding).max_attempts
