"""An entity that gu1 deleted, keeps in another organization, or takes for a company's."""

import pytest

from portal.domain.errors import Refused
from portal.domain.onboarding import ConsentText, StallReason
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import CreationState, DoubleCheck
from tests.factories import some_details

CODES = [(404, "ENTITY_NOT_FOUND"), (400, "INVALID_ENTITY_TYPE")]


@pytest.fixture
def lose_entity(gu1):
    """gu1 deletes the entity, so that it is neither found nor good for a validation."""

    def lose_entity(http_status=404, code="ENTITY_NOT_FOUND"):
        gu1.entities.update(dict.fromkeys(gu1.entities, ("deleted", "deleted")))
        gu1.failing["create_validation"] = Refused(http_status, code)

    return lose_entity


@pytest.fixture
def retried(prepared, report, onboardings):
    """A second attempt is about to be created."""
    report(Status.REJECTED, double_check=DoubleCheck.ANSWERED)
    return onboardings.retry(prepared.id, after_attempt=1)


@pytest.mark.parametrize(("http_status", "code"), CODES)
def test_details_are_asked_for_again_and_the_next_entity_is_used(
    retried, lose_entity, onboardings, work, gu1, *, http_status, code
):
    lose_entity(http_status, code)
    work()
    asked = onboardings.get(retried.id)
    assert (stage_of(asked, max_attempts=3), asked.needs_details_again) == (Stage.DETAILS, True)
    assert (asked.entity_id, asked.lost_entity_id, asked.due_at) == (None, "entity-1", None)
    gu1.failing.clear()
    onboardings.give_details(retried.id, some_details(), consent=ConsentText("2026-01"))
    work()
    again = onboardings.get(retried.id)
    assert (again.entity_id, again.validation.number, again.validation.gu1_id) == ("entity-2", 2, "validation-2")
    assert stage_of(again, max_attempts=3) is Stage.READY and not again.needs_details_again


def test_operator_is_told_which_entity_is_lost(retried, lose_entity, work, counted, caplog):
    lose_entity()
    work()
    assert f"onboarding {retried.id}: gu1 has no usable entity entity-1: ENTITY_NOT_FOUND" in caplog.text
    assert counted("entities_lost") == 1


def test_earlier_attempts_stay_as_they_were(retried, lose_entity, work, onboardings):
    lose_entity()
    work()
    onboardings.give_details(retried.id, some_details(), consent=ConsentText("2026-01"))
    assert [it.status for it in onboardings.other_attempts(retried.id)] == [Status.REJECTED]


def test_entity_of_another_type_is_not_taken_again(begin, gu1, onboardings, work):
    gu1.entities["entity-1"] = ("30111222", "a-company")
    gu1.failing["create_validation"] = Refused(400, "INVALID_ENTITY_TYPE")
    started = begin()
    gu1.failing.clear()
    onboardings.give_details(started.id, some_details(), consent=ConsentText("2026-01"))
    work()
    kept = onboardings.get(started.id)
    assert (kept.entity_id, kept.stall_reason, gu1.named("create_validation")[1:]) == (None, StallReason.REFUSED, [])


def test_entity_is_kept_while_its_validation_may_still_be_adopted(start, gu1, lose_entity, onboardings, work):
    started = start()
    gu1.lose_answers = 1
    work()
    lose_entity()
    gu1.failing["list_validations"] = Refused(404, "ENTITY_NOT_FOUND")
    work()
    kept = onboardings.get(started.id)
    assert (kept.entity_id, kept.validation.creation_state) == ("entity-1", CreationState.SENT)


def test_lost_answer_and_a_deleted_entity_do_not_end_it(start, gu1, lose_entity, onboardings, pass_time):
    started = start()
    gu1.lose_answers = 1
    pass_time(1)
    lose_entity()
    gu1.validations.clear()
    gu1.failing["list_validations"] = Refused(404, "ENTITY_NOT_FOUND")
    pass_time(180, 5)
    asked = onboardings.get(started.id)
    assert asked.needs_details_again and len(gu1.named("create_validation")) == 2


def test_validation_adopted_meanwhile_keeps_its_entity(retried, gu1, lose_entity, onboardings, work):
    async def adopted():
        nonce = onboardings.get(retried.id).validation.nonce
        onboardings.adopt(gu1.late_validation("entity-1", nonce))

    lose_entity()
    gu1.during["create_validation"] = adopted
    work()
    kept = onboardings.get(retried.id)
    assert (kept.entity_id, kept.validation.gu1_id, kept.needs_details_again) == ("entity-1", "late-1", False)


def test_stopped_meanwhile_nobody_is_asked(retried, gu1, lose_entity, onboardings, work):
    async def stop():
        onboardings.stop(retried.id)

    lose_entity()
    gu1.during["create_validation"] = stop
    work()
    assert stage_of(onboardings.get(retried.id), max_attempts=3) is Stage.CANCELLED


def test_partner_sends_the_details_of_its_customer_again(create_for_customer, gu1, lose_entity, onboardings, work):
    invited = create_for_customer(details=some_details())
    lose_entity()
    onboardings.give_details(invited.id, None, consent=ConsentText("2026-01"))
    work()
    assert onboardings.get(invited.id).needs_details_again
    lose_entity()
    gu1.failing.clear()
    again = create_for_customer(details=some_details())
    assert (again.id, again.only_consent_is_missing) == (invited.id, True)
    onboardings.give_details(invited.id, None, consent=ConsentText("2026-01"))
    work()
    assert onboardings.get(invited.id).validation.number == 1
    assert stage_of(onboardings.get(invited.id), max_attempts=3) is Stage.READY
