"""All that the templates of a status page are told about an onboarding, besides the person's own URLs and times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from portal.domain.correction import Correction
from portal.domain.reasons import Reason, Remedy
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import IdentityBasis
from portal.domain.waits import Wait
from portal.web.applicant.photo_tips import PhotoTips
from portal.web.applicant.reason_texts import ReasonText
from portal.web.applicant.relative_time import in_minutes
from portal.web.applicant.wait_texts import wait_sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """Nothing in it is personal. Equal facts make equal pages, so the response cache uses them as its key.

    A template that needs another fact gets it as a field here.
    """

    stage: Stage
    status: Status
    reason: Reason | None
    remedy: Remedy | None
    tips: PhotoTips | None
    provider: str | None
    """The host of the hosted page, which is not the person's own."""
    is_argentine: bool
    pictured: Stage
    is_at_photos: bool
    was_at_photos: bool
    progress: int | None
    attempts_left: int
    is_final: bool
    polls: bool
    may_continue: bool
    may_retry: bool
    may_restart: bool
    may_stop: bool
    restart_was_refused: bool
    is_stopped: bool
    asked_for_erasure: bool
    is_held: bool
    is_doubtful: bool
    is_unconfirmed: bool
    is_persons_decision: bool
    is_rejection: bool
    needs_a_person: bool
    lost_approval: bool
    is_held_back: bool
    goes_on_later: bool
    has_phone: bool
    is_correcting: bool
    correction: Correction | None
    needs_photos_again: bool
    may_correct_number: bool
    is_given_by_partner: bool
    doubt: IdentityBasis | None
    may_be_overturned: bool
    was_verified_before: bool
    waits_long: bool
    waits_unusually_long: bool
    wait: Wait | None
    offers_contact: bool
    next_try: int | None
    """In minutes."""
    retry_opens: int | None
    """In minutes."""
    title: Any = field(compare=False)
    reason_text: ReasonText | None = field(compare=False)
    """This and `title` follow from the fields above."""

    @property
    def wait_words(self) -> str | None:
        return wait_sentence(self.wait) if self.wait else None

    @property
    def next_try_words(self) -> str:
        return in_minutes(self.next_try or 0)

    @property
    def retry_opens_words(self) -> str:
        return in_minutes(self.retry_opens or 0)
