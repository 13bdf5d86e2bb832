"""What an operator does for one onboarding. Each action writes one entry of its history, or changes nothing.

None of them sends a paid request: only the applicant opens the next validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from portal.domain.errors import ActionRefused, AmbiguousName, UnknownOnboarding
from portal.domain.onboarding import Onboarding, StallReason
from portal.domain.reasons import REMEDIES, Reason, Remedy
from portal.domain.reverification import with_verification_watched
from portal.domain.stage import Stage
from portal.domain.standing import stopped
from portal.domain.status import Status
from portal.domain.validation import CreationState, OperatorDecision, Validation
from portal.services.change_history import Action, Actor, Cause, HistoryEntry
from portal.services.gu1_port import Gu1
from portal.services.onboardings import Onboardings
from portal.services.partner_onboardings import HISTORY_LIMIT, Erasure, PartnerOnboardings
from portal.services.ports import Clock, History, OnboardingSearch, Store
from portal.services.problems import AttemptRow, Problem, ProblemRow, ReverificationRow

REASONS = tuple(reason for reason, remedy in REMEDIES.items() if remedy is Remedy.CONTACT)
"""With which an operator may reject: what a person decided is talked over with a person."""

_REJECTABLE = {Stage.IN_REVIEW, Stage.CONFIRMING, Stage.APPROVED}
_OVER = {Stage.REJECTED, Stage.EXPIRED, Stage.CANCELLED, Stage.CLOSED}


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts, and why."""

    name: str
    note: str = field(repr=False)

    def cause(self, action: Action) -> Cause:
        return Cause(actor=Actor.OPERATOR, action=action, operator=self.name, note=self.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An onboarding as an operator sees it."""

    onboarding: Onboarding
    stage: Stage
    attempts: list[AttemptRow]
    history: list[HistoryEntry]


class OperatorActions:
    def __init__(
        self,
        store: Store,
        search: OnboardingSearch,
        history: History,
        onboardings: Onboardings,
        partner_onboardings: PartnerOnboardings,
        *,
        clock: Clock,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._search = search
        self._history = history
        self._onboardings = onboardings
        self._partner_onboardings = partner_onboardings
        self._clock = clock
        self._wake = wake

    def find(self, name: str) -> list[Onboarding]:
        """By reference, id, external id, or an id at gu1; the newest first."""
        found = [self._store.get(it) for it in self._search.ids_of(name)]
        return sorted(found, key=lambda it: it.created_at, reverse=True)

    def only(self, name: str) -> str:
        """The id of the one onboarding. Raises `UnknownOnboarding` and `AmbiguousName`."""
        ids = self._search.ids_of(name)
        if not ids:
            raise UnknownOnboarding(name)
        if len(ids) > 1:
            raise AmbiguousName(ids)
        return ids[0]

    def stage_of(self, onboarding: Onboarding) -> Stage:
        return self._onboardings.standing(onboarding).stage

    def show(self, onboarding_id: str) -> Found:
        onboarding = self._store.get(onboarding_id)
        return Found(
            onboarding=onboarding,
            stage=self.stage_of(onboarding),
            attempts=self._search.attempts_of(onboarding_id),
            history=self._history.newest_entries(onboarding_id, limit=HISTORY_LIMIT),
        )

    def list_problems(self, problem: Problem, *, limit: int) -> list[ProblemRow]:
        """The longest waiting first."""
        return self._search.list_problems(problem, now=self._clock(), limit=limit)

    def list_reverifications(self, partner: str | None, *, limit: int) -> list[ReverificationRow]:
        """Customers who have to verify again, the longest due first."""
        return self._search.list_reverifications(partner, limit=limit)

    def release(self, onboarding_id: str, by: Operator) -> Onboarding:
        """Lets a held approval count."""

        def change(found: Onboarding, now: datetime) -> Onboarding:
            validation = _validation(found)
            if not validation.is_held:
                raise ActionRefused("its approval is not held")
            released = replace(validation, operator_decision=OperatorDecision.RELEASED)
            found = found.without_pending_correction
            return replace(found, validation=released, due_at=found.due_after(None), updated_at=now)

        return self._change(onboarding_id, by.cause(Action.RELEASED), change)

    def reject(self, onboarding_id: str, by: Operator, reason: Reason) -> Onboarding:
        """`reason`: one of `REASONS`."""

        def change(found: Onboarding, now: datetime) -> Onboarding:
            validation = _validation(found)
            if self.stage_of(found) not in _REJECTABLE:
                raise ActionRefused("only what is approved, held or in review can be rejected; use cancel")
            rejected = replace(
                validation, status=Status.REJECTED, reason=reason, operator_decision=OperatorDecision.REJECTED
            )
            found = found.without_pending_correction
            return replace(found, validation=rejected, due_at=found.due_after(None), updated_at=now)

        return self._change(onboarding_id, by.cause(Action.REJECTED), change)

    def cancel(self, onboarding_id: str, by: Operator) -> Onboarding:
        """Like a stop by the applicant: the runner then cancels the validation at gu1."""

        def change(found: Onboarding, now: datetime) -> Onboarding:
            changed = stopped(found, now)
            if changed is None:
                raise ActionRefused("it is over already")
            return replace(changed, stopped_by_operator=True)

        return self._change(onboarding_id, by.cause(Action.CANCELLED), change)

    def allow_attempt(self, onboarding_id: str, by: Operator) -> Onboarding:
        """The applicant may open one more validation, whatever the limit and the last reason say."""

        def change(found: Onboarding, now: datetime) -> Onboarding:
            standing = self._onboardings.standing(found)
            if found.stopped_at or found.validation is None or standing.stage not in _OVER:
                raise ActionRefused("only after a rejected, expired or cancelled validation")
            if standing.may_retry:
                raise ActionRefused("the applicant may try again already")
            if now >= found.ends_at:
                raise ActionRefused("its access link has expired; it needs a new onboarding")
            if not found.validation.status.is_final:  # held back before its hosted page was opened
                return replace(found, allowed_attempt=found.attempts, due_at=now, updated_at=now)
            return replace(found, allowed_attempt=found.attempts + 1, updated_at=now)

        return self._change(onboarding_id, by.cause(Action.ATTEMPT_ALLOWED), change)

    def resume(self, onboarding_id: str, by: Operator) -> Onboarding:
        """Takes the next step now, without the wait after a failure."""

        def change(found: Onboarding, now: datetime) -> Onboarding:
            is_missing_details = found.entity_id is None and found.details is None and found.validation is not None
            if found.stall_reason is StallReason.DETAILS_REFUSED and is_missing_details:
                raise ActionRefused("the applicant has to give the details again")
            if found.due_at is None and found.stall_reason is not StallReason.DETAILS_REFUSED:
                raise ActionRefused("there is nothing left to do by itself")
            return replace(found, stall_reason=None, entity_conflict=None, failures=0, due_at=now, updated_at=now)

        return self._change(onboarding_id, by.cause(Action.RESUMED), change)

    def erase(self, onboarding_id: str, by: Operator) -> Erasure:
        found = self._not_erased(self._store.get(onboarding_id))
        return self._partner_onboardings.erase(found.partner, onboarding_id, by.cause(Action.ERASED))

    async def sync(self, onboarding_id: str, by: Operator, gu1: Gu1) -> Onboarding:
        """Has gu1 ask its provider, free of charge, and applies what gu1 then says. Raises `Gu1Error`s."""
        validation = _validation(self._not_erased(self._store.get(onboarding_id)))
        if validation.gu1_id is None or validation.creation_state is not CreationState.ADOPTED:
            raise ActionRefused("gu1 has no validation for it yet")
        seen = await gu1.sync_validation(validation.gu1_id) or await gu1.read_validation(validation.gu1_id)
        return self._change(
            onboarding_id,
            by.cause(Action.SYNCED),
            lambda found, _now: self._onboardings.apply_observation(found, seen),
        )

    def _change(
        self, onboarding_id: str, cause: Cause, change: Callable[[Onboarding, datetime], Onboarding]
    ) -> Onboarding:
        now = self._clock()
        with self._store.locked(onboarding_id) as row:
            changed = with_verification_watched(row.onboarding, change(self._not_erased(row.onboarding), now), now)
            row.save(changed, cause)
        self._wake()
        return changed

    def _not_erased(self, found: Onboarding) -> Onboarding:
        if found.erased_at:
            raise ActionRefused("its data was erased")
        return found


def _validation(found: Onboarding) -> Validation:
    if found.stopped_at:
        raise ActionRefused("it was stopped")
    if found.validation is None:
        raise ActionRefused("it has no validation yet")
    return found.validation
