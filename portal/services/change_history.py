"""The history of an onboarding: one entry for each change of its status or stage, and who or what made it.

Entries hold no personal data. They are written in the transaction of the change and never changed afterwards; only an
erasure deletes their notes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from portal.domain.correction import Correction
from portal.domain.onboarding import Onboarding
from portal.domain.stage import stage_of
from portal.domain.status import Status
from portal.domain.validation import CreationState, Validation
from portal.services.validation_plan import Policy


class Actor(StrEnum):
    APPLICANT = "applicant"
    PARTNER = "partner"
    GU1 = "gu1"
    PERSON = "person"
    """A reviewer at gu1."""
    RULE = "rule"
    """The portal by itself."""
    OPERATOR = "operator"


class Action(StrEnum):
    CREATED = "created"
    DETAILS_GIVEN = "details_given"
    VALIDATION_CREATED = "validation_created"
    HOSTED_PAGE_OPENED = "hosted_page_opened"
    RETRIED = "retried"
    STOPPED = "stopped"
    ERASURE_ASKED = "erasure_asked"
    """The applicant asked for the data to be erased."""
    ERASED = "erased"
    VERIFIED_BEFORE = "verified_before"
    """gu1 already had a valid approval for this customer."""
    REPORTED = "reported"
    """gu1 said something new of the validation."""
    NUMBER_GIVEN_AGAIN = "number_given_again"
    """The document number, which is now the verified one."""
    NUMBER_REFUSED = "number_refused"
    """The number that was given again is not the verified one either."""
    NUMBER_CORRECTED = "number_corrected"
    """gu1's record has the verified number, so the verdict counts."""
    RECORD_REPLACED = "record_replaced"
    """gu1's record keeps its wrong number; a new one and a new validation follow."""
    DECIDED = "decided"
    """A reviewer at gu1 decided."""
    SESSION_EXPIRED = "session_expired"
    HELD_BACK = "held_back"
    """The person has no attempts left before some time has passed."""
    REVERIFICATION_DUE = "reverification_due"
    """The approval ended at gu1, or gu1 asks for a new one."""
    LAPSED = "lapsed"
    """The access link ended before the onboarding was over."""
    REOPENED = "reopened"
    """What had lapsed got a new access link."""
    STALLED = "stalled"
    RECOVERED = "recovered"
    CHANGED = "changed"
    SYNCED = "synced"
    RESUMED = "resumed"
    RELEASED = "released"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    ATTEMPT_ALLOWED = "attempt_allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who or what makes a change, if the change itself does not show it."""

    actor: Actor
    action: Action
    operator: str | None = None
    """The name that the operator gave."""
    note: str | None = field(default=None, repr=False)

    @property
    def is_always_recorded(self) -> bool:
        """Also if it changes neither status nor stage."""
        return self.actor is Actor.OPERATOR or self.action is Action.ERASURE_ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """Plain words: a newer release may have written some that this one does not know."""

    at: datetime
    actor: str
    operator: str | None = None
    action: str
    attempt: int
    old_status: str | None = None
    """Like `old_stage`, None in the first entry."""
    old_stage: str | None = None
    new_status: str
    new_stage: str
    reason: str | None = None
    note: str | None = field(default=None, repr=False)


class ChangeRecorder:
    """Turns a change of an onboarding into its entry in the history."""

    def __init__(self, policy_for: Callable[[Onboarding], Policy], clock: Callable[[], datetime]) -> None:
        self._policy_for = policy_for
        self._clock = clock

    def __call__(self, before: Onboarding | None, after: Onboarding, cause: Cause | None = None) -> HistoryEntry | None:
        """None if neither status nor stage changed. `before`: None if the onboarding is new."""
        old, new = before and self._facts(before), self._facts(after)
        is_correction = before is not None and before.correction is not after.correction
        is_news = is_correction or _became_due(before, after) or (cause and cause.is_always_recorded)
        if old == new and not is_news:
            return None
        cause = cause or _derived(before, after)
        return replace(
            new,
            at=self._clock(),
            actor=cause.actor,
            action=cause.action,
            operator=cause.operator,
            note=cause.note,
            old_status=old.new_status if old else None,
            old_stage=old.new_stage if old else None,
        )

    def _facts(self, onboarding: Onboarding) -> HistoryEntry:
        """What an entry says of an onboarding, without who changed it and when."""
        validation = onboarding.validation
        return HistoryEntry(
            at=onboarding.created_at,
            actor=Actor.RULE,
            action=Action.CHANGED,
            attempt=onboarding.validation_number,
            new_status=onboarding.status.value,
            new_stage=stage_of(onboarding, max_attempts=self._policy_for(onboarding).max_attempts).value,
            reason=validation.reason.value if validation and validation.reason else None,
        )


def _became_due(before: Onboarding | None, after: Onboarding) -> bool:
    return after.reverification_due_at is not None and (before is None or before.reverification_due_at is None)


def _derived(before: Onboarding | None, after: Onboarding) -> Cause:
    actor, action = _of_onboarding(before, after)
    return Cause(actor=actor, action=action)


def _of_onboarding(before: Onboarding | None, after: Onboarding) -> tuple[Actor, Action]:
    if before is None:
        return (Actor.PARTNER if after.partner else Actor.APPLICANT), Action.CREATED
    if after.erased_at and not before.erased_at:
        return Actor.PARTNER, Action.ERASED
    if after.stopped_at and not before.stopped_at:
        return Actor.APPLICANT, Action.STOPPED
    if after.verified_before_at and not before.verified_before_at:
        return Actor.GU1, Action.VERIFIED_BEFORE
    if after.correction and after.correction is not before.correction:
        return _of_correction(before, after)
    if after.lapsed_at and not before.lapsed_at:
        return Actor.RULE, Action.LAPSED
    if before.lapsed_at and not after.lapsed_at:
        return Actor.PARTNER, Action.REOPENED
    old, new = before.validation, after.validation
    if _became_due(before, after) and after.status is Status.APPROVED:
        return Actor.GU1, Action.REVERIFICATION_DUE
    if new is None:
        return (Actor.PARTNER, Action.DETAILS_GIVEN) if old else (Actor.RULE, Action.CHANGED)
    if old is not None and new.number < old.number:
        return _reported(new)  # gu1 approved an earlier attempt
    if old is None or old.nonce != new.nonce:
        is_retry = after.validation_number > max(before.validation_number, 1) or new.gu1_id is not None
        return Actor.APPLICANT, Action.RETRIED if is_retry else Action.DETAILS_GIVEN
    return _of_validation(old, new) or _of_stall(before, after)


def _of_correction(before: Onboarding, after: Onboarding) -> tuple[Actor, Action]:
    if before.correction is Correction.PENDING:
        is_replaced = after.correction is Correction.REPLACED
        return Actor.RULE, Action.RECORD_REPLACED if is_replaced else Action.NUMBER_CORRECTED
    giver = Actor.PARTNER if after.given_by_partner else Actor.APPLICANT
    return giver, Action.NUMBER_REFUSED if after.correction is Correction.REFUSED else Action.NUMBER_GIVEN_AGAIN


def _of_validation(old: Validation, new: Validation) -> tuple[Actor, Action] | None:
    if new.gu1_id and not old.gu1_id:
        return Actor.GU1, Action.VALIDATION_CREATED
    if new.opened_at and not old.opened_at:
        return Actor.APPLICANT, Action.HOSTED_PAGE_OPENED
    is_sending = new.creation_state is CreationState.SENT  # we did that, so it is no word of gu1
    if new.looks_like(old) or is_sending:
        return None
    if new.status is Status.EXPIRED and new.gu1_updated_at == old.gu1_updated_at:
        return Actor.RULE, Action.SESSION_EXPIRED  # gu1 left the session open
    if old.status is Status.IN_REVIEW and new.status.is_final:
        return Actor.PERSON, Action.DECIDED
    return _reported(new) if new.status is not old.status else (Actor.GU1, Action.REPORTED)


def _reported(new: Validation) -> tuple[Actor, Action]:
    return (Actor.PERSON, Action.DECIDED) if new.is_persons_decision else (Actor.GU1, Action.REPORTED)


def _of_stall(before: Onboarding, after: Onboarding) -> tuple[Actor, Action]:
    more_attempts = len(after.earlier_attempts or ()) - len(before.earlier_attempts or ())
    if more_attempts:
        return Actor.RULE, Action.HELD_BACK if more_attempts > 0 else Action.RECOVERED
    if after.failures > before.failures or (after.stall_reason and not before.stall_reason):
        return Actor.RULE, Action.STALLED
    if after.failures < before.failures or (before.stall_reason and not after.stall_reason):
        return Actor.RULE, Action.RECOVERED
    return Actor.RULE, Action.CHANGED
