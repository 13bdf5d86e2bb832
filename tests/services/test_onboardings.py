import pytest

from portal.domain.errors import LimitReached, Refused, RetryRefused, UnknownOnboarding
from portal.domain.onboarding import ConsentText
from portal.domain.reasons import OUTAGE_WAITS, Reason
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import CreationState, DoubleCheck, Observation
from tests.factories import NOW, some_details


def stage(onboarding):
    return stage_of(onboarding, max_attempts=3)


def rejected(report, reason=None):
    assert report(Status.REJECTED, reason=reason, double_check=DoubleCheck.ANSWERED)


def test_a_started_onboarding_is_stored_due_and_planned(start, onboardings):
    stored = onboardings.get(start().id)
    assert (stored.due_at, stored.details, stored.consent.given_at) == (NOW, some_details(), NOW)
    assert (stored.validation.number, stored.validation.creation_state) == (1, CreationState.PLANNED)
    assert stage(stored) is Stage.PREPARING


def test_form_sent_twice_is_one_onboarding_and_one_validation(start, work, gu1, counted):
    assert start().id == start().id
    work()
    assert start().entity_id == "entity-1"
    work()
    assert len(gu1.named("create_validation")) == 1
    assert counted("started") == 1


@pytest.mark.parametrize(
    "change", [{"document_number": "30111223"}, {"email": None}, {"country": "BR"}, {"first_name": "Eva"}]
)
def test_form_is_good_for_one_onboarding(start, change):
    first = start()
    with pytest.raises(LimitReached):
        start(**change)
    assert start().id == first.id


def test_another_form_is_another_onboarding(start):
    assert start("form-1").id != start("form-2").id


@pytest.mark.parametrize(("country", "asked"), [("AR", DoubleCheck.UNANSWERED), ("BR", DoubleCheck.NOT_ASKED)])
def test_the_registry_is_asked_for_argentines_only(start, work, gu1, country, asked):
    assert start(country=country).validation.double_check is asked
    work()
    assert gu1.named("create_validation")[0][2] == (country == "AR")


def test_a_number_that_cannot_be_compared_leaves_no_digest(start):
    assert start("form-1", country="BR").document_digest is None
    assert start("form-2", country="AR").document_digest


def test_nobody_knows_an_onboarding_that_is_not_there(onboardings):
    with pytest.raises(UnknownOnboarding):
        onboardings.get("missing")


def correct(onboardings, started, **changes):
    return onboardings.give_details(started.id, some_details(**changes), consent=ConsentText("2026-02"))


def test_refused_details_can_be_corrected_and_it_goes_on(start, work, gu1, onboardings):
    gu1.failing["create_entity"] = Refused(400, "INVALID_TAX_ID", about_details=True)
    started = start()
    work()
    refused = onboardings.get(started.id)
    assert (stage(refused), refused.due_at) == (Stage.DETAILS, None)
    gu1.failing.clear()
    correct(onboardings, started, document_number="30111223")
    work()
    assert stage(onboardings.get(started.id)) is Stage.READY


def test_details_that_were_not_refused_stay(start, onboardings):
    started = start()
    assert correct(onboardings, started, document_number="30111223") == started
    assert onboardings.get(started.id) == started


def test_a_stopped_onboarding_takes_no_new_details(start, work, gu1, onboardings):
    gu1.failing["create_entity"] = Refused(422, "INVALID_TAX_ID")
    started = start()
    work()
    onboardings.stop(started.id)
    assert correct(onboardings, started, document_number="30111223").details is None
    assert onboardings.get(started.id).details is None


def test_retry_opens_the_next_validation_on_the_same_entity(prepared, report, onboardings, work, gu1):
    rejected(report, Reason.REGISTRY_CARD_OUTDATED)
    assert stage(onboardings.retry(prepared.id, after_attempt=1)) is Stage.PREPARING
    work()
    assert [call[1] for call in gu1.named("create_validation")] == ["entity-1", "entity-1"]
    again = onboardings.get(prepared.id)
    assert (again.validation.gu1_id, again.attempts, stage(again)) == ("validation-2", 2, Stage.READY)


def test_retry_pressed_twice_opens_one_validation(prepared, report, onboardings, work, counted):
    rejected(report)
    first = onboardings.retry(prepared.id, after_attempt=1)
    assert onboardings.retry(prepared.id, after_attempt=1) == first
    work()
    report(Status.REJECTED, "validation-2")
    assert onboardings.retry(prepared.id, after_attempt=1).attempts == 2
    assert counted("retried") == 1


def test_retry_ends_at_the_limit(prepared, report, onboardings, work):
    for attempt in (1, 2, 3):
        report(Status.REJECTED, f"validation-{attempt}", reason=Reason.FACE_MISMATCH)
        if attempt < 3:
            onboardings.retry(prepared.id, after_attempt=attempt)
            work()
    with pytest.raises(RetryRefused):
        onboardings.retry(prepared.id, after_attempt=3)
    assert stage(onboardings.get(prepared.id)) is Stage.CLOSED


@pytest.mark.parametrize("reason", [Reason.NOT_ELIGIBLE, Reason.UNDERAGE, Reason.REGISTRY_DOCUMENT_MISMATCH])
def test_who_should_contact_a_person_cannot_retry(prepared, report, onboardings, reason):
    rejected(report, reason)
    with pytest.raises(RetryRefused):
        onboardings.retry(prepared.id, after_attempt=1)


def test_a_silent_registry_is_not_asked_again_at_once(prepared, report, onboardings, clock):
    rejected(report, Reason.REGISTRY_UNAVAILABLE)
    clock.advance(minutes=9, seconds=59)
    with pytest.raises(RetryRefused):
        onboardings.retry(prepared.id, after_attempt=1)
    clock.advance(seconds=1)
    assert onboardings.retry(prepared.id, after_attempt=1).validation_number == 2


@pytest.fixture
def outage(report, onboardings, prepared, work, clock):
    """The registry does not answer for a validation; its applicant retries as soon as that is possible."""

    def outage(number):
        report(Status.REJECTED, f"validation-{number}", reason=Reason.REGISTRY_UNAVAILABLE)
        rejected_at, opens_at = clock(), onboardings.standing(onboardings.get(prepared.id)).retry_opens_at
        clock.now = opens_at
        onboardings.retry(prepared.id, after_attempt=number)
        work()
        return opens_at - rejected_at

    return outage


def test_outages_of_the_registry_use_up_no_attempt_and_are_waited_out_ever_longer(
    outage, prepared, onboardings, counted
):
    assert [outage(number) for number in range(1, 5)] == [*OUTAGE_WAITS, OUTAGE_WAITS[-1]]
    again = onboardings.get(prepared.id)
    assert (stage(again), again.attempts, again.validation_number) == (Stage.READY, 1, 5)
    assert (onboardings.standing(again).attempts_left, counted("registry_outages")) == (2, 4)


def test_after_another_verdict_the_waits_begin_again(outage, report, prepared, onboardings, work):
    outage(1)
    rejected_by_card = report(Status.REJECTED, "validation-2", reason=Reason.REGISTRY_CARD_OUTDATED)
    onboardings.retry(prepared.id, after_attempt=2)
    work()
    assert (rejected_by_card, outage(3)) == (True, OUTAGE_WAITS[0])
    assert onboardings.get(prepared.id).attempts == 2


def test_operator_is_told_of_each_outage_once(report, caplog, counted, prepared, onboardings):
    report(Status.REJECTED, reason=Reason.REGISTRY_UNAVAILABLE)
    report(Status.REJECTED, reason=Reason.REGISTRY_UNAVAILABLE)
    named = [it for it in caplog.records if "registry did not answer" in it.message]
    assert ([it.levelname for it in named], counted("registry_outages")) == (["ERROR"], 1)


@pytest.mark.parametrize("status", [Status.PENDING, Status.IN_REVIEW, Status.APPROVED])
def test_what_did_not_end_badly_cannot_be_retried(prepared, report, onboardings, status):
    report(status)
    with pytest.raises(RetryRefused):
        onboardings.retry(prepared.id, after_attempt=1)


def test_news_of_the_earlier_validation_is_not_news_of_this_one(prepared, report, onboardings):
    rejected(report)
    planned = onboardings.retry(prepared.id, after_attempt=1)
    assert report(Status.EXPIRED)
    assert onboardings.get(prepared.id) == planned
    late = Observation(gu1_id="validation-1", status=Status.APPROVED)
    assert onboardings.apply_observation(planned, late) is planned


def test_stopped_before_gu1_has_anything_nothing_reaches_it(start, onboardings, work, gu1, counted):
    started = start()
    stopped = onboardings.stop(started.id)
    work()
    assert (stage(stopped), stopped.details, gu1.calls) == (Stage.CANCELLED, None, [])
    assert onboardings.get(started.id).due_at is None
    assert counted("stopped") == 1


def test_stopped_afterwards_it_is_cancelled_at_gu1_too(prepared, onboardings, work, gu1):
    onboardings.stop(prepared.id)
    work()
    assert gu1.validations["validation-1"].status is Status.CANCELLED
    assert onboardings.get(prepared.id).due_at is None


def test_stopping_twice_is_stopping_once(prepared, onboardings, clock, counted):
    stopped = onboardings.stop(prepared.id)
    clock.advance(seconds=5)
    assert onboardings.stop(prepared.id) == stopped
    assert counted("stopped") == 1


def test_a_verdict_is_not_stopped_any_more(prepared, report, onboardings):
    report(Status.APPROVED, double_check=DoubleCheck.ANSWERED)
    assert onboardings.stop(prepared.id).stopped_at is None
    assert stage(onboardings.get(prepared.id)) is Stage.APPROVED


def test_stop_holds_where_gu1_will_not_cancel_and_is_asked_for_again(prepared, onboardings, work, gu1, clock):
    gu1.failing["cancel_validation"] = Refused(400, "INVALID_STATUS")
    onboardings.stop(prepared.id)
    work()
    stopped = onboardings.get(prepared.id)
    assert (stage(stopped), stopped.status, stopped.validation.status) == (
        Stage.CANCELLED,
        Status.CANCELLED,
        Status.PENDING,
    )
    gu1.failing.clear()
    clock.advance(seconds=5)
    work()
    assert gu1.validations["validation-1"].status is Status.CANCELLED
    assert onboardings.get(prepared.id).due_at is None
