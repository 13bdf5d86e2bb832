"""What gu1 created beside the adopted validation is cancelled there, and nothing else is."""

from dataclasses import replace

import pytest

from portal.domain.errors import OutcomeUnknown, Refused, Unavailable
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status

LOST = OutcomeUnknown("the answer was lost")


@pytest.fixture
def resent(begin, gu1, onboardings, pass_time):
    """An onboarding whose first sending was lost and whose second was answered, as `validation-1`."""
    gu1.failures.extend([None, None, LOST])  # looked up, entity created, validation lost
    started = begin()
    pass_time(90, stride=15)
    found = onboardings.get(started.id)
    assert (found.validation.sends, found.validation.gu1_id) == (2, "validation-1")
    return found


def cancelled(gu1):
    return [call[1] for call in gu1.named("cancel_validation")]


def stage(onboarding):
    return stage_of(onboarding, max_attempts=3)


def test_what_the_lost_sending_created_late_is_cancelled(resent, gu1, onboardings, pass_time, counted):
    twin = gu1.twin_of("validation-1")
    pass_time(60, stride=15)
    assert cancelled(gu1) == [twin.gu1_id]
    assert counted("duplicates_cancelled") == 1
    found = onboardings.get(resent.id)
    assert (found.validation.gu1_id, stage(found), found.stall_reason) == ("validation-1", Stage.READY, None)


def test_one_sending_needs_no_sweep(prepared, gu1, pass_time):
    assert prepared.sweep_at is None
    pass_time(3600, stride=60)
    assert gu1.named("list_validations") == []


@pytest.mark.long
def test_sweeps_become_rarer_and_end_after_a_day(resent, gu1, onboardings, pass_time):
    before = len(gu1.named("list_validations"))
    pass_time(3 * 86400, stride=600)
    assert 3 <= len(gu1.named("list_validations")) - before <= 30
    assert onboardings.get(resent.id).sweep_at is None


def test_a_verdict_ends_no_sweep(resent, gu1, report, onboardings, pass_time):
    report(Status.REJECTED)
    twin = gu1.twin_of("validation-1")
    gu1.becomes(twin.gu1_id, Status.PENDING)
    pass_time(600, stride=30)
    assert cancelled(gu1) == [twin.gu1_id]
    assert stage(onboardings.get(resent.id)) is Stage.REJECTED


def test_webhook_of_a_twin_has_it_cancelled_at_once(prepared, gu1, webhooks, onboardings, work):
    twin = gu1.twin_of("validation-1")
    assert onboardings.adopt(twin) is False
    work()
    assert cancelled(gu1) == [twin.gu1_id]
    assert onboardings.get(prepared.id).validation.gu1_id == "validation-1"


def test_a_twin_of_an_earlier_attempt_is_cancelled_too(resent, gu1, report, onboardings, pass_time):
    report(Status.REJECTED)
    onboardings.retry(resent.id, after_attempt=1)
    pass_time(1)
    twin = gu1.twin_of("validation-1")
    gu1.becomes(twin.gu1_id, Status.PENDING)
    pass_time(600, stride=30)
    assert cancelled(gu1) == [twin.gu1_id]


def test_nobody_elses_validation_is_cancelled(resent, begin, gu1, clock, pass_time):
    begin(nonce="form-2", first_name="Another")  # the same person in another onboarding, on the same entity
    of_the_operator = replace(gu1.twin_of("validation-1"), nonce=None, has_metadata=True)
    gu1.validations[of_the_operator.gu1_id] = of_the_operator
    pass_time(3600, stride=60)
    assert cancelled(gu1) == []


def test_what_is_created_after_a_stop_is_cancelled(begin, gu1, onboardings, pass_time):
    gu1.failing["create_validation"] = LOST
    started = begin()
    gu1.failing.clear()
    onboardings.stop(started.id)
    pass_time(90, stride=15)
    stopped = onboardings.get(started.id)
    entity_id, nonce = stopped.entity_id, stopped.validation.nonce
    late = gu1.late_validation(entity_id, nonce)
    pass_time(120, stride=15)
    assert cancelled(gu1) == [late.gu1_id]


def test_what_another_process_asked_for_during_the_sweep_is_kept(
    resent, gu1, report, *, onboardings, pass_time, overtake
):
    """This process is halted while it lists; the applicant retries meanwhile, and that answer is lost."""
    report(Status.REJECTED)

    async def halted():
        onboardings.retry(resent.id, after_attempt=1)
        gu1.lose_answers = 1
        await overtake()

    gu1.during["list_validations"] = halted
    pass_time(120, stride=20)
    assert "validation-2" in gu1.validations
    assert cancelled(gu1) == []
    assert onboardings.get(resent.id).validation.gu1_id == "validation-2"


@pytest.mark.parametrize("refusal", [Refused(409, "ALREADY_FINAL"), Unavailable("busy")])
def test_what_cannot_be_swept_now_troubles_no_applicant(resent, gu1, onboardings, pass_time, refusal):
    twin = gu1.twin_of("validation-1")
    gu1.failing["cancel_validation"] = refusal
    pass_time(120, stride=15)
    assert (stage(onboardings.get(resent.id)), onboardings.get(resent.id).failures) == (Stage.READY, 0)
    del gu1.failing["cancel_validation"]
    pass_time(1200, stride=60)
    assert cancelled(gu1)[-1] == twin.gu1_id
    assert gu1.validations[twin.gu1_id].status is Status.CANCELLED
