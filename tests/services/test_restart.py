"""A fresh start beside an abandoned session: that is closed at gu1 first, so that nobody can complete two."""

import asyncio
from datetime import timedelta

import pytest

from portal.domain.errors import OutcomeUnknown, Refused, RetryRefused, Unavailable
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck
from portal.services.refresh_steps import RESTART_WITHIN

BUSY, LOST = Unavailable("busy"), OutcomeUnknown("lost")
APPROVED = {"status": Status.APPROVED, "double_check": DoubleCheck.ANSWERED}


def stage(onboarding):
    return stage_of(onboarding, max_attempts=3)


@pytest.fixture
def abandoned(prepared, onboardings, report, gu1):
    """Left at the provider, in a world where gu1 cancels such a validation."""
    gu1.cancels_abandoned = True
    onboardings.open_hosted_page(prepared.id)
    report(Status.ABANDONED)
    gu1.calls.clear()
    return onboardings.get(prepared.id)


@pytest.fixture
def restart(abandoned, onboardings, work):
    """One click, and what the runner makes of it at once."""

    def restart():
        onboardings.retry(abandoned.id, after_attempt=1)
        work()
        return onboardings.get(abandoned.id)

    return restart


@pytest.fixture
def asked(abandoned, onboardings):
    """One click, before the runner knows of it."""
    return onboardings.retry(abandoned.id, after_attempt=1)


@pytest.fixture
def restarted(abandoned, onboardings, other_process, clock):
    """What another process makes of it, after the lease of a killed one."""

    def restarted():
        for _ in range(8):
            clock.advance(seconds=16)
            asyncio.run(other_process())
        return onboardings.get(abandoned.id)

    return restarted


def test_fresh_start_is_offered_beside_the_same_session_from_the_first_moment(abandoned, onboardings):
    standing = onboardings.standing(abandoned)
    assert (standing.stage, standing.may_continue, standing.may_restart) == (Stage.ABANDONED, True, True)


def test_one_click_closes_the_abandoned_and_opens_the_next(restart, gu1):
    again = restart()
    assert (stage(again), again.validation.gu1_id) == (Stage.READY, "validation-2")
    assert gu1.validations["validation-1"].status is Status.CANCELLED
    names = [call[0] for call in gu1.calls]
    assert names == ["sync_validation", "read_validation", "cancel_validation", "read_validation", "create_validation"]


def test_while_it_is_closed_nobody_is_sent_to_it(abandoned, onboardings):
    asked = onboardings.retry(abandoned.id, after_attempt=1)
    assert (stage(asked), onboardings.open_hosted_page(abandoned.id)) == (Stage.PREPARING, None)


def test_pressed_twice_it_opens_one(abandoned, onboardings, work, gu1):
    onboardings.retry(abandoned.id, after_attempt=1)
    with pytest.raises(RetryRefused):
        onboardings.retry(abandoned.id, after_attempt=1)
    work()
    assert onboardings.retry(abandoned.id, after_attempt=1).validation_number == 2
    assert len(gu1.named("create_validation")) == 1


def test_if_gu1_does_not_close_it_it_can_only_be_continued(restart, gu1, onboardings, pass_time, counted):
    gu1.cancels_abandoned = False
    kept = restart()
    standing = onboardings.standing(kept)
    assert (stage(kept), standing.may_continue, standing.may_restart) == (Stage.ABANDONED, True, False)
    with pytest.raises(RetryRefused):
        onboardings.retry(kept.id, after_attempt=1)
    pass_time(3600, stride=60)
    assert (gu1.named("create_validation"), counted("restarts")) == ([], 1)


def test_after_its_end_it_makes_room_though_gu1_did_not_close_it(restart, gu1, onboardings, pass_time):
    gu1.cancels_abandoned = False
    kept = restart()
    pass_time(7 * 24 * 3600, stride=12 * 3600)
    assert onboardings.standing(onboardings.get(kept.id)).may_retry


@pytest.mark.parametrize("during", ["sync_validation", "cancel_validation"])
def test_completed_meanwhile_its_verdict_counts_and_nothing_is_opened(restart, gu1, during):
    async def completed():
        gu1.becomes("validation-1", **APPROVED)

    gu1.during[during] = completed
    assert (stage(restart()), gu1.named("create_validation")) == (Stage.APPROVED, [])


def test_gone_on_with_in_another_tab_it_is_closed_all_the_same(restart, report, gu1):
    report(Status.IN_PROGRESS)
    report(Status.ABANDONED)
    assert (restart().validation.gu1_id, gu1.validations["validation-1"].status) == ("validation-2", Status.CANCELLED)


@pytest.mark.parametrize("failures", [[None] * n + [it] for n in range(4) for it in (BUSY, LOST)], ids=str)
def test_whatever_call_fails_nothing_is_opened_before_gu1_says_closed(restart, gu1, pass_time, onboardings, failures):
    gu1.failures.extend(failures)
    waiting = restart()
    assert (stage(waiting), gu1.named("create_validation")) == (Stage.PREPARING, [])
    pass_time(5)
    assert (stage(onboardings.get(waiting.id)), len(gu1.named("create_validation"))) == (Stage.READY, 1)
    assert gu1.validations["validation-1"].status is Status.CANCELLED


class Killed(BaseException):
    pass


@pytest.mark.parametrize("calls", range(5))
def test_killed_at_any_call_another_process_goes_on_and_opens_one(asked, work, gu1, restarted, calls):
    gu1.failures.extend([None] * calls + [Killed()])
    with pytest.raises(Killed):
        work()
    again = restarted()
    assert (stage(again), again.validation_number) == (Stage.READY, 2)
    assert [row.status for row in gu1.validations.values()] == [Status.CANCELLED, Status.PENDING]


def test_webhook_of_the_cancellation_opens_the_next(abandoned, onboardings, report, work):
    onboardings.retry(abandoned.id, after_attempt=1)
    report(Status.CANCELLED)
    assert stage(onboardings.get(abandoned.id)) is Stage.PREPARING
    work()
    assert onboardings.get(abandoned.id).validation.gu1_id == "validation-2"


@pytest.mark.parametrize("failure", [Unavailable("down"), Refused(401, "INVALID_API_KEY")])
def test_if_gu1_is_down_for_long_the_same_session_is_given_back(restart, gu1, onboardings, pass_time, failure):
    gu1.failing["cancel_validation"] = failure
    waiting = restart()
    pass_time(int(RESTART_WITHIN.total_seconds()) + 700, stride=20)
    assert (stage(onboardings.get(waiting.id)), gu1.named("create_validation")) == (Stage.ABANDONED, [])
    assert onboardings.open_hosted_page(waiting.id) == waiting.validation.session_url


def test_cancelled_in_word_only_it_opens_nothing_and_ends(restart, gu1, onboardings, pass_time, monkeypatch):
    async def promises(gu1_id, reason):
        await gu1._call("cancel_validation", gu1_id)

    monkeypatch.setattr(gu1, "cancel_validation", promises)
    waiting = restart()
    assert stage(waiting) is Stage.PREPARING
    pass_time(int((RESTART_WITHIN + timedelta(minutes=1)).total_seconds()), stride=5)
    assert (stage(onboardings.get(waiting.id)), gu1.named("create_validation")) == (Stage.ABANDONED, [])


def test_stopped_meanwhile_it_stays_stopped(abandoned, onboardings, report, work, gu1):
    onboardings.retry(abandoned.id, after_attempt=1)
    onboardings.stop(abandoned.id)
    report(Status.CANCELLED)
    work()
    stopped = onboardings.get(abandoned.id)
    assert (stage(stopped), stopped.validation_number, gu1.named("create_validation")) == (Stage.CANCELLED, 1, [])


def test_cancelled_after_a_review_it_is_no_fresh_start(abandoned, onboardings, report, work, gu1):
    onboardings.retry(abandoned.id, after_attempt=1)
    report(Status.IN_REVIEW)
    work()
    report(Status.CANCELLED)
    work()
    assert (stage(onboardings.get(abandoned.id)), gu1.named("create_validation")) == (Stage.CANCELLED, [])


def test_last_attempt_has_no_fresh_start(abandoned, onboardings, monkeypatch):
    policy = onboardings.policy_for(abandoned)
    monkeypatch.setattr(onboardings, "policy_for", lambda _: type(policy)(max_attempts=1, double_check_renaper=True))
    with pytest.raises(RetryRefused):
        onboardings.retry(abandoned.id, after_attempt=1)
