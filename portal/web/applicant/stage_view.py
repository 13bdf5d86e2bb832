"""What the status page shows: title, texts, next action and polling interval."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _

from portal.domain.correction import Correction
from portal.domain.locales import Locale
from portal.domain.onboarding import Onboarding
from portal.domain.polling import SHOWS_LONG_WAIT_AFTER, TROUBLE_INTERVAL, jittered, next_threshold, poll_interval
from portal.domain.reasons import MAY_NEED_A_PERSON, Reason, Remedy
from portal.domain.stage import Stage
from portal.domain.standing import Standing
from portal.domain.status import Status
from portal.domain.validation import CONFIRMS_WITHIN, IdentityBasis, Validation
from portal.domain.waits import Wait
from portal.services.measured_waits import STAGES as MEASURED
from portal.web.applicant.page_facts import PageFacts
from portal.web.applicant.photo_tips import tips_for
from portal.web.applicant.poll_version import PollVersion, ShownWait, microseconds
from portal.web.applicant.reason_texts import PERSONS_DECISION, ReasonText, text_of
from portal.web.applicant.relative_time import RelativeTime, relative_time

TITLES = {
    Stage.DETAILS: _("Your details"),
    Stage.PREPARING: _("We are preparing your verification"),
    Stage.READY: _("Everything is ready"),
    Stage.WAITING: _("We are waiting for your result"),
    Stage.CONFIRMING: _("One last check"),
    Stage.IN_REVIEW: _("A person is reviewing your verification"),
    Stage.APPROVED: _("Your identity is verified"),
    Stage.REJECTED: _("We could not verify your identity"),
    Stage.EXPIRED: _("The time for the photos ran out"),
    Stage.ABANDONED: _("Your verification is not finished"),
    Stage.CANCELLED: _("This verification was cancelled"),
    Stage.DELAYED: _("We have to wait a moment"),
    Stage.CLOSED: _("This verification is closed"),
    Stage.LAPSED: _("This link is no longer valid"),
}

FINISHED = _("Did you finish the photos?")
CHECKING = _("We are checking your photos")
ON_HOLD = _("Your verification is on hold")
CORRECTING = _("We are correcting your number")
LATER = _("You can try again later")
AGAIN = _("You can try again")
NO_LONGER_VALID = _("Your verification is no longer valid")

_missing = set(Stage) - set(TITLES)
if _missing:
    raise LookupError(f"stages without a title: {', '.join(sorted(_missing))}")


@dataclass(frozen=True, kw_only=True)
class StageView:
    """What the page of one onboarding shows. Texts are looked up only if a template asks for them."""

    onboarding: Onboarding
    standing: Standing
    now: datetime
    release: str
    locale: Locale
    is_camera_blocked: bool = False
    goes_straight_on: bool = False
    measured_wait: Wait | None = None
    """How long people wait at this stage, if enough have."""

    @property
    def stage(self) -> Stage:
        return self.standing.stage

    @property
    def status(self) -> Status:
        return self.onboarding.status

    @property
    def validation(self) -> Validation | None:
        return self.onboarding.validation

    @property
    def may_retry(self) -> bool:
        return self.standing.may_retry

    @property
    def may_restart(self) -> bool:
        return self.standing.may_restart

    @property
    def restart_was_refused(self) -> bool:
        return self.validation is not None and self.validation.restart_refused_at is not None

    @property
    def may_continue(self) -> bool:
        return self.standing.may_continue

    @property
    def may_stop(self) -> bool:
        return not self.stage.is_final or self.is_held_back

    @property
    def is_held_back(self) -> bool:
        """The photos were not begun yet, because the person has no attempts left for now."""
        validation = self.validation
        return self.stage is Stage.CLOSED and validation is not None and not validation.status.is_final

    @property
    def goes_on_later(self) -> bool:
        """Closed, and the next attempt is or will be free."""
        return self.stage is Stage.CLOSED and (self.may_retry or self.retry_opens is not None)

    @property
    def is_stopped(self) -> bool:
        """By the applicant."""
        return self.onboarding.stopped_at is not None and not self.onboarding.stopped_by_operator

    @property
    def attempts_left(self) -> int:
        return self.standing.attempts_left

    @property
    def reason(self) -> Reason | None:
        verdict = self.onboarding.verdict
        return verdict.reason if verdict else None

    @property
    def remedy(self) -> Remedy | None:
        return self.validation.remedy if self.validation else None

    @property
    def needs_a_person(self) -> bool:
        """Rejected for a reason that only a person may be able to settle, from the first time on."""
        return self.remedy is Remedy.CONTACT or self.reason in MAY_NEED_A_PERSON

    @property
    def is_doubtful(self) -> bool:
        return self.validation is not None and self.validation.is_doubtful

    @property
    def is_correcting(self) -> bool:
        return self.onboarding.is_correcting

    @property
    def correction(self) -> Correction | None:
        return self.onboarding.correction

    @property
    def needs_photos_again(self) -> bool:
        return self.onboarding.needs_photos_again

    @property
    def may_correct_number(self) -> bool:
        return self.standing.may_correct_number

    @property
    def is_given_by_partner(self) -> bool:
        return self.onboarding.given_by_partner

    @property
    def doubt(self) -> IdentityBasis | None:
        """What of the document is not as in the details; None if they could not be compared."""
        if self.validation is None or self.validation.is_uncompared:
            return None
        return self.validation.identity_basis or IdentityBasis.NUMBER

    @property
    def is_unconfirmed(self) -> bool:
        """On hold, because RENAPER did not answer in time."""
        return self.validation is not None and self.validation.is_overdue

    @property
    def is_held(self) -> bool:
        """An approval that waits for somebody to look at it."""
        return self.stage is Stage.IN_REVIEW and (self.is_unconfirmed or self.is_doubtful)

    @property
    def lost_approval(self) -> bool:
        return self.validation is not None and self.validation.lost_approval and not self.onboarding.stopped_at

    @property
    def was_verified_before(self) -> bool:
        return self.onboarding.verified_before_at is not None

    @cached_property
    def age(self) -> float:
        """Seconds since the last change that the applicant could see."""
        return (self.now - self.onboarding.updated_at).total_seconds()

    @property
    def waits_long(self) -> bool:
        return not self.stage.is_final and self.age >= SHOWS_LONG_WAIT_AFTER

    @property
    def says_wait(self) -> bool:
        return self.stage in MEASURED and not self.is_held and not self.is_at_photos

    @property
    def wait(self) -> Wait | None:
        return self.measured_wait if self.says_wait else None

    @property
    def waits_unusually_long(self) -> bool:
        return self.waits_long and (self.wait is None or self.age >= self.wait.rarely_over)

    @cached_property
    def next_try(self) -> RelativeTime | None:
        """When the portal asks gu1 again, if everything waits for that."""
        return relative_time(self.onboarding.due_at, self.now) if self.stage is Stage.DELAYED else None

    @cached_property
    def retry_opens(self) -> RelativeTime | None:
        """When the applicant may retry, if it is too early now."""
        return relative_time(self.standing.retry_opens_at, self.now)

    @property
    def title(self) -> Any:
        if self.is_held:
            return CORRECTING if self.is_correcting else ON_HOLD
        if self.lost_approval:
            return NO_LONGER_VALID
        if self.goes_on_later:
            return LATER if self.retry_opens else AGAIN
        if self.is_at_photos:
            return FINISHED
        if self.stage is Stage.WAITING and self.was_at_photos:
            return CHECKING
        return TITLES[self.pictured]

    @property
    def was_at_photos(self) -> bool:
        return self.validation is not None and self.validation.returned_at is not None

    @property
    def is_at_photos(self) -> bool:
        """Nobody is told that photos are being checked, or to leave, before the photos are known to be taken."""
        validation = self.validation
        return self.stage is Stage.WAITING and self.may_continue and validation is not None and validation.is_at_photos

    @property
    def provider(self) -> str | None:
        """The host of the hosted page."""
        url = self.validation.session_url if self.validation else None
        return urlsplit(url).hostname if url else None

    @property
    def progress(self) -> int | None:
        return Stage.READY.facts.progress if self.is_at_photos else self.stage.facts.progress

    @property
    def pictured(self) -> Stage:
        """The stage whose picture and title are shown: a session that ran out looks expired before gu1 closes it."""
        if self.is_at_photos:
            return Stage.READY
        ran_out = self.stage in {Stage.READY, Stage.ABANDONED} and not self.may_continue
        return Stage.EXPIRED if ran_out else self.stage

    @property
    def reason_text(self) -> ReasonText | None:
        if self.validation is None or self.validation.status is not Status.REJECTED:
            return None
        if self.validation.is_persons_decision:
            return PERSONS_DECISION
        return text_of(self.reason or Reason.UNSPECIFIED, self.onboarding.country)

    @property
    def offers_contact(self) -> bool:
        """If only a person can help, before the last attempt, and from the second outage in a row on."""
        if self.stage is Stage.CONFIRMING:
            return self.age >= CONFIRMS_WITHIN.total_seconds()
        if self.stage is Stage.ABANDONED:
            return self.restart_was_refused
        if self.stage is Stage.REJECTED:
            recurs = self.remedy is Remedy.RETRY_LATER and self.onboarding.outages_in_row > 0
            return self.needs_a_person or recurs or self.attempts_left <= 1
        if self.is_correcting:
            return self.waits_long
        return self.is_held or self.stage.facts.offers_contact

    @property
    def poll_interval(self) -> float | None:
        """Seconds, before jitter; None if nothing changes until the applicant acts."""
        if self.stage.is_final:
            return None
        usual = poll_interval(self.age)
        return max(usual, TROUBLE_INTERVAL) if self.stage is Stage.DELAYED else usual

    @cached_property
    def poll_after(self) -> float | None:
        """Seconds until the page asks again; None if nothing changes until the applicant acts."""
        if self.retry_opens:
            # When the minutes shown change, a little apart for each page.
            return self.retry_opens.seconds_unchanged(self.now) + random.uniform(0.5, 1.5)  # noqa: S311
        return jittered(self.poll_interval) if self.poll_interval else None

    @property
    def may_be_overturned(self) -> bool:
        """gu1 may still change the verdict, which an open page should show."""
        has_verdict = self.stage.is_final and self.stage is not Stage.DETAILS and self.validation is not None
        return has_verdict and self.onboarding.stopped_at is None and self.onboarding.erased_at is None

    @cached_property
    def facts(self) -> PageFacts:
        return PageFacts(
            stage=self.stage,
            status=self.status,
            reason=self.reason,
            remedy=self.remedy,
            tips=tips_for(self.onboarding.country) if self.stage is Stage.READY else None,
            provider=self.provider if self.stage is Stage.READY else None,
            is_argentine=self.onboarding.country == "AR",
            pictured=self.pictured,
            is_at_photos=self.is_at_photos,
            was_at_photos=self.was_at_photos,
            progress=self.progress,
            attempts_left=self.attempts_left,
            is_final=self.standing.is_final,
            polls=not self.stage.is_final or self.retry_opens is not None,
            may_continue=self.may_continue,
            may_retry=self.may_retry,
            may_restart=self.may_restart,
            may_stop=self.may_stop,
            restart_was_refused=self.restart_was_refused,
            is_stopped=self.is_stopped,
            asked_for_erasure=self.onboarding.erasure_asked_at is not None,
            is_held=self.is_held,
            is_doubtful=self.is_doubtful,
            is_unconfirmed=self.is_unconfirmed,
            is_persons_decision=self.validation is not None and self.validation.is_persons_decision,
            is_rejection=self.validation is not None and self.validation.status is Status.REJECTED,
            needs_a_person=self.needs_a_person,
            lost_approval=self.lost_approval,
            is_held_back=self.is_held_back,
            goes_on_later=self.goes_on_later,
            has_phone=self.onboarding.has_phone,
            is_correcting=self.is_correcting,
            correction=self.correction,
            needs_photos_again=self.needs_photos_again,
            may_correct_number=self.may_correct_number,
            is_given_by_partner=self.is_given_by_partner,
            doubt=self.doubt,
            may_be_overturned=self.may_be_overturned,
            was_verified_before=self.was_verified_before,
            waits_long=self.waits_long,
            waits_unusually_long=self.waits_unusually_long,
            wait=self.wait,
            offers_contact=self.offers_contact,
            next_try=self.next_try.minutes if self.next_try else None,
            retry_opens=self.retry_opens.minutes if self.retry_opens else None,
            title=self.title,
            reason_text=self.reason_text,
        )

    @cached_property
    def version(self) -> PollVersion:
        country = self.onboarding.country
        return PollVersion(
            updated_at=microseconds(self.onboarding.updated_at),
            release=self.release,
            locale=self.locale,
            changes_at=self.changes_at,
            opens_hosted_page=self.stage is Stage.READY and self.may_continue and self.goes_straight_on,
            is_camera_blocked=self.is_camera_blocked,
            shown_wait=ShownWait(self.stage, country, self.wait) if self.says_wait and country else None,
        )

    @property
    def changes_at(self) -> float:
        """The Unix time at which the page changes by time alone; infinite if it does not."""
        elapsed = [it.seconds_unchanged(self.now) for it in (self.next_try, self.retry_opens) if it]
        if self.standing.more_attempts_at:
            elapsed.append((self.standing.more_attempts_at - self.now).total_seconds())
        if not self.stage.is_final:
            elapsed.append(next_threshold(self.age) - self.age)
        if self.wait:
            elapsed.append(self.wait.rarely_over - self.age)
        if self.stage is Stage.CONFIRMING:
            elapsed.append(CONFIRMS_WITHIN.total_seconds() - self.age)
        if self.may_continue and self.validation:
            elapsed.append((self.validation.ends_at - self.now).total_seconds())
        soonest = min((it for it in elapsed if it >= 0), default=math.inf)
        return soonest if math.isinf(soonest) else math.floor(self.now.timestamp() + soonest)
