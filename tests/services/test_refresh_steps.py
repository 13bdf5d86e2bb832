"""A validation's way to its end: what runs out, what is left and gone on with, what comes at the last moment."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.errors import Malformed, Refused, Unavailable
from portal.domain.onboarding import StallReason
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck
from tests.factories import NOW

STILL_OPEN = [Status.PENDING, Status.IN_PROGRESS, Status.UNKNOWN]


def stage(onboarding):
    return stage_of(onboarding, max_attempts=3)


def cancelled(gu1):
    return [call[1] for call in gu1.named("cancel_validation")]


@pytest.fixture
def run_out(prepared, clock, work, onboardings):
    """The week is over."""

    def run_out():
        clock.advance(days=7)
        work()
        return onboardings.get(prepared.id)

    return run_out


@pytest.mark.parametrize("status", STILL_OPEN)
def test_what_is_open_at_the_end_is_cancelled_and_has_run_out(run_out, report, gu1, status):
    report(status)
    ended = run_out()
    assert (stage(ended), ended.due_at, cancelled(gu1)) == (Stage.EXPIRED, None, ["validation-1"])
    assert gu1.validations["validation-1"].status is Status.CANCELLED


def test_abandoned_session_that_gu1_keeps_past_its_end_makes_room_for_the_next(run_out, report, gu1, onboardings, work):
    report(Status.ABANDONED)
    ended = run_out()
    assert (stage(ended), ended.due_at) == (Stage.EXPIRED, None)
    assert gu1.validations["validation-1"].status is Status.ABANDONED
    onboardings.retry(ended.id, after_attempt=1)
    work()
    assert stage(onboardings.get(ended.id)) is Stage.READY


def test_open_session_that_gu1_will_not_close_ends_a_day_later(run_out, gu1, pass_time, onboardings):
    gu1.failing["cancel_validation"] = Refused(400, "INVALID_STATUS")
    still_open = run_out()
    assert stage(still_open) is Stage.READY
    pass_time(26 * 3600, stride=3600)
    assert stage(onboardings.get(still_open.id)) is Stage.EXPIRED


def test_validation_that_gu1_has_no_more_ends_a_day_after_its_session(prepared, gu1, pass_time, onboardings):
    gu1.failing["read_validation"] = Refused(404, "VALIDATION_NOT_FOUND")
    pass_time(7 * 24 * 3600, stride=8 * 3600)
    assert stage(onboardings.get(prepared.id)) is Stage.READY
    pass_time(26 * 3600, stride=3600)
    assert stage(onboardings.get(prepared.id)) is Stage.EXPIRED


def test_verdict_between_the_look_and_the_closing_counts(run_out, report, gu1):
    async def approved():
        gu1.becomes("validation-1", Status.APPROVED, double_check=DoubleCheck.ANSWERED)

    gu1.during["cancel_validation"] = approved
    assert stage(run_out()) is Stage.APPROVED


def test_stated_end_is_believed_to_the_second(prepared, report, gu1, pass_time, onboardings):
    report(Status.PENDING, expires_at=NOW + timedelta(hours=1))
    pass_time(3598, stride=257)
    assert cancelled(gu1) == []
    pass_time(1)
    assert (cancelled(gu1), stage(onboardings.get(prepared.id))) == (["validation-1"], Stage.EXPIRED)


def test_without_a_stated_end_it_lives_for_a_week(prepared, gu1, pass_time):
    pass_time(7 * 24 * 3600 - 6 * 3600, stride=6 * 3600)
    assert cancelled(gu1) == []
    pass_time(6 * 3600, stride=6 * 3600)
    assert cancelled(gu1) == ["validation-1"]


def test_week_begins_when_gu1_is_asked(begin, gu1, clock, pass_time, onboardings):
    gu1.failing["create_validation"] = Unavailable("down for long")
    started = begin()
    clock.advance(days=8)
    gu1.failing.clear()
    pass_time(120, stride=60)
    assert (stage(onboardings.get(started.id)), cancelled(gu1)) == (Stage.READY, [])


def test_end_that_gu1_put_off_meanwhile_is_believed(prepared, gu1, clock, work, onboardings):
    clock.advance(days=7)
    gu1.becomes("validation-1", Status.PENDING, expires_at=clock() + timedelta(days=1))
    work()
    assert (stage(onboardings.get(prepared.id)), cancelled(gu1)) == (Stage.READY, [])
    clock.advance(days=1)
    work()
    assert stage(onboardings.get(prepared.id)) is Stage.EXPIRED


@pytest.mark.parametrize(
    ("status", "expected"), [(Status.APPROVED, Stage.APPROVED), (Status.IN_REVIEW, Stage.IN_REVIEW)]
)
def test_what_was_completed_at_the_last_moment_counts(run_out, gu1, clock, status, expected):
    clock.advance(days=7, seconds=-1)
    gu1.becomes("validation-1", status, double_check=DoubleCheck.ANSWERED)
    assert (stage(run_out()), cancelled(gu1)) == (expected, [])


def test_what_is_completed_while_it_is_cancelled_counts(run_out, gu1):
    async def completed():
        gu1.becomes("validation-1", Status.APPROVED, double_check=DoubleCheck.ANSWERED)

    gu1.during["cancel_validation"] = completed
    gu1.failing["cancel_validation"] = Refused(400, "INVALID_STATUS")
    assert stage(run_out()) is Stage.APPROVED


def test_gu1_down_at_the_end_is_asked_again(run_out, gu1, pass_time, onboardings):
    gu1.failing["read_validation"] = Unavailable("busy")
    waiting = run_out()
    assert (stage(waiting), cancelled(gu1), waiting.due_at is None) == (Stage.READY, [], False)
    gu1.failing.clear()
    pass_time(5)
    assert stage(onboardings.get(waiting.id)) is Stage.EXPIRED


@pytest.fixture
def missed(gu1):
    """The provider approved, gu1 missed it, and says so only when it is made to sync."""

    def missed():
        async def synced():
            gu1.becomes("validation-1", Status.APPROVED, double_check=DoubleCheck.ANSWERED)

        gu1.during["sync_validation"] = synced

    return missed


def test_verdict_that_gu1_missed_is_asked_for_before_a_session_is_closed(run_out, gu1, missed, clock):
    clock.advance(days=7, seconds=-1)
    missed()
    assert (stage(run_out()), cancelled(gu1)) == (Stage.APPROVED, [])


@pytest.mark.parametrize("failure", [Refused(400, "NO_PROVIDER_SESSION"), Malformed("what?")])
def test_session_that_gu1_cannot_sync_is_closed_all_the_same(run_out, gu1, failure):
    gu1.failing["sync_validation"] = failure
    assert (stage(run_out()), cancelled(gu1)) == (Stage.EXPIRED, ["validation-1"])


def test_while_the_provider_does_not_answer_no_session_is_closed(run_out, gu1, pass_time, onboardings):
    gu1.failing["sync_validation"] = Unavailable("provider down")
    waiting = run_out()
    assert (stage(waiting), cancelled(gu1)) == (Stage.READY, [])
    pass_time(26 * 3600, stride=3600)
    assert (stage(onboardings.get(waiting.id)), cancelled(gu1)) == (Stage.EXPIRED, ["validation-1"])


def test_validation_without_a_session_is_closed_without_a_sync(gu1, begin, clock, work, onboardings):
    gu1.session_url = None
    started = begin()
    clock.advance(days=7)
    work()
    ended = onboardings.get(started.id)
    assert (stage(ended), gu1.named("sync_validation")) == (Stage.EXPIRED, [])


@pytest.fixture(params=["read", "webhook"])
def says_expired(request, prepared, gu1, onboardings):
    """gu1 closes an opened session by itself, and the portal hears of it."""
    report, pass_time = request.getfixturevalue("report"), request.getfixturevalue("pass_time")

    def says_expired():
        onboardings.open_hosted_page(prepared.id)
        if request.param == "webhook":
            report(Status.EXPIRED)
        else:
            gu1.becomes("validation-1", Status.EXPIRED)
        pass_time(6)
        return onboardings.get(prepared.id)

    return says_expired


def test_session_that_gu1_lets_expire_is_synced_once_before_that_is_believed(says_expired, gu1):
    ended = says_expired()
    assert (stage(ended), ended.due_at, len(gu1.named("sync_validation"))) == (Stage.EXPIRED, None, 1)


def test_verdict_that_gu1_missed_before_it_let_the_session_expire_counts(says_expired, missed):
    missed()
    assert stage(says_expired()) is Stage.APPROVED


@pytest.mark.parametrize("seconds_behind", [1, 60])
def test_clock_of_gu1_may_be_a_little_behind(run_out, gu1, clock, seconds_behind):
    real = gu1._clock
    gu1._clock = lambda: real() - timedelta(seconds=seconds_behind)
    assert stage(run_out()) is Stage.EXPIRED


def test_what_somebody_cancelled_early_has_not_run_out(prepared, report, onboardings):
    report(Status.CANCELLED)
    assert stage(onboardings.get(prepared.id)) is Stage.CANCELLED


def test_after_the_end_one_click_opens_the_next(run_out, onboardings, work):
    ended = run_out()
    onboardings.retry(ended.id, after_attempt=1)
    work()
    again = onboardings.get(ended.id)
    assert (stage(again), again.validation.gu1_id, again.entity_id) == (Stage.READY, "validation-2", ended.entity_id)
    assert onboardings.open_hosted_page(ended.id) == "https://verify.example.com/session/validation-2"


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.CANCELLED])
def test_what_gu1_closed_is_opened_again_in_a_click_too(prepared, report, onboardings, work, status):
    report(status)
    onboardings.retry(prepared.id, after_attempt=1)
    work()
    assert onboardings.get(prepared.id).validation.gu1_id == "validation-2"


def test_no_hosted_page_is_opened_after_the_end(prepared, onboardings, clock):
    clock.advance(days=7, seconds=-1)
    assert onboardings.open_hosted_page(prepared.id)
    clock.advance(seconds=1)
    assert onboardings.open_hosted_page(prepared.id) is None


def test_abandoned_session_is_gone_on_with_while_it_lives(prepared, report, gu1, onboardings, pass_time):
    report(Status.ABANDONED)
    pass_time(6 * 24 * 3600, stride=8 * 3600)
    assert stage(onboardings.get(prepared.id)) is Stage.ABANDONED
    assert onboardings.open_hosted_page(prepared.id) == prepared.validation.session_url
    assert len(gu1.validations) == 1


def test_who_goes_on_with_an_abandoned_session_gets_its_verdict(prepared, report, onboardings):
    report(Status.ABANDONED)
    report(Status.IN_PROGRESS)
    report(Status.APPROVED, double_check=DoubleCheck.ANSWERED)
    assert stage(onboardings.get(prepared.id)) is Stage.APPROVED


@pytest.fixture
def allow(onboardings):
    """The operator changes `GU1_PROVIDER_HOSTS` between two starts of the same portal."""

    def allow(*hosts):
        hosts = ProviderHosts(hosts)
        onboardings._provider_hosts = hosts
        onboardings._observations = replace(onboardings._observations, provider_hosts=hosts)

    return allow


def test_page_of_a_host_no_longer_allowed_is_forgotten_and_delays(prepared, onboardings, allow, pass_time):
    allow("other.example.com")
    assert onboardings.open_hosted_page(prepared.id) is None
    kept = onboardings.get(prepared.id)
    assert (kept.validation.session_url, kept.stall_reason) == (None, StallReason.HOSTED_PAGE_REFUSED)
    pass_time(30, stride=5)
    assert stage(onboardings.get(prepared.id)) is Stage.DELAYED


def test_page_of_a_host_allowed_again_comes_back_by_itself(prepared, onboardings, allow, pass_time):
    allow("other.example.com")
    onboardings.open_hosted_page(prepared.id)
    allow("verify.example.com")
    pass_time(5, stride=5)
    assert stage(onboardings.get(prepared.id)) is Stage.READY
    assert onboardings.open_hosted_page(prepared.id) == prepared.validation.session_url


def test_failure_of_a_look_says_nothing_of_the_next_attempt(prepared, gu1, onboardings, pass_time, clock):
    async def rejected_and_retried():
        clock.advance(seconds=1)
        onboardings.observe(gu1.becomes("validation-1", Status.REJECTED))
        onboardings.retry(prepared.id, after_attempt=1)
        gu1.failures.append(Unavailable("busy"))

    gu1.during["read_validation"] = rejected_and_retried
    pass_time(5, stride=5)
    again = onboardings.get(prepared.id)
    assert (stage(again), again.failures, again.stall_reason) == (Stage.READY, 0, None)
