"""The paid call: at most one validation for each intent, whatever gets lost or dies."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.errors import NotSent, OutcomeUnknown, Unavailable
from portal.domain.onboarding import StallReason
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import CreationState
from portal.services.leases import Leases
from tests.factories import NOW

LOST = OutcomeUnknown("the answer was lost")


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


def stage(onboarding):
    return stage_of(onboarding, max_attempts=3)


async def die():
    raise Killed


@pytest.fixture(params=["create_entity", "create_validation", "read_validation"])
def deadly_gu1(gu1, request):
    gu1.during[request.param] = die
    return gu1


def created(gu1):
    return len(gu1.named("create_validation"))


def looks(gu1):
    return len(gu1.named("list_validations"))


def test_nothing_is_asked_again_during_the_quiet_time(begin, gu1, onboardings, pass_time):
    gu1.lose_answers = 1
    started = begin()
    pass_time(59)
    assert onboardings.get(started.id).validation.creation_state is CreationState.SENT
    assert (created(gu1), looks(gu1)) == (1, 0)


def test_what_a_lost_answer_created_is_adopted(begin, gu1, onboardings, pass_time, counted):
    gu1.lose_answers = 1
    started = begin()
    pass_time(60, stride=30)
    adopted = onboardings.get(started.id)
    assert (stage(adopted), adopted.validation.gu1_id, adopted.failures) == (Stage.READY, "validation-1", 0)
    assert (created(gu1), counted("outcome_unknown"), counted("reconciled")) == (1, 1, 1)


def test_it_is_known_again_where_the_list_leaves_the_metadata_out(begin, gu1, onboardings, pass_time):
    gu1.lose_answers = 1
    gu1.list_shows_metadata = False
    started = begin()
    pass_time(60, stride=30)
    assert onboardings.get(started.id).validation.gu1_id == "validation-1"
    assert created(gu1) == 1


@pytest.mark.parametrize("list_shows_metadata", [True, False])
def test_validations_of_others_on_the_entity_are_never_adopted(begin, gu1, pass_time, list_shows_metadata):
    gu1.list_shows_metadata = list_shows_metadata
    begin(nonce="form-1")
    gu1.failing["create_validation"] = LOST
    begin(nonce="form-2")
    gu1.failing.clear()
    pass_time(75, stride=15)
    assert [it.gu1_id for it in gu1.validations.values()] == ["validation-1", "validation-2"]
    assert len({it.nonce for it in gu1.validations.values()}) == 2


def test_without_any_metadata_the_only_one_it_can_be_is_adopted(begin, gu1, onboardings, pass_time, counted):
    gu1.lose_answers, gu1.shows_metadata = 1, False
    started = begin()
    pass_time(60, stride=30)
    assert onboardings.get(started.id).validation.gu1_id == "validation-1"
    assert (created(gu1), counted("adopted_without_metadata")) == (1, 1)


def test_without_any_metadata_another_onboardings_is_not_taken(begin, gu1, onboardings, pass_time):
    gu1.shows_metadata = False
    begin(nonce="form-1")
    gu1.failing["create_validation"] = LOST
    second = begin(nonce="form-2")
    gu1.failing.clear()
    pass_time(75, stride=15)
    assert onboardings.get(second.id).validation.gu1_id == "validation-2"


def test_without_any_metadata_nothing_is_guessed_where_anothers_sending_is_unaccounted_for(
    begin, gu1, onboardings, pass_time
):
    """Its first request may still come into being, although its second was answered."""
    gu1.shows_metadata = False
    gu1.failures.extend([None, None, LOST])
    first = begin(nonce="form-1")
    pass_time(90, stride=15)
    assert onboardings.get(first.id).validation.sends == 2
    gu1.failing["create_validation"] = LOST
    second = begin(nonce="form-2")
    gu1.failing.clear()
    late = gu1.twin_of("validation-1")
    pass_time(90, stride=15)
    assert onboardings.get(second.id).validation.gu1_id not in {"validation-1", late.gu1_id}


def test_without_any_metadata_nothing_is_guessed_while_another_waits_too(begin, gu1, onboardings, pass_time):
    """One of the two was created; whose it is, nobody can tell."""
    gu1.shows_metadata, gu1.lose_answers = False, 1
    first = begin(nonce="form-1")
    gu1.failing["create_validation"] = LOST
    second = begin(nonce="form-2")
    gu1.failing.clear()
    pass_time(90, stride=15)
    taken = {onboardings.get(it.id).validation.gu1_id for it in (first, second)}
    assert "validation-1" not in taken
    assert len(taken) == 2


@pytest.mark.parametrize(
    "facts",
    [
        {"has_metadata": True},
        {"created_at": None},
        {"created_at": NOW - timedelta(minutes=6)},
        {"status": Status.APPROVED},
    ],
    ids=["of another system", "of unknown age", "older", "final"],
)
def test_without_our_metadata_what_may_be_anothers_is_not_taken(begin, gu1, onboardings, pass_time, facts):
    gu1.lose_answers = 1
    started = begin()
    foreign = replace(gu1.validations["validation-1"], nonce=None, has_metadata=False)
    gu1.validations["validation-1"] = replace(foreign, **facts)
    pass_time(90, stride=15)
    assert onboardings.get(started.id).validation.gu1_id == "validation-2"


def test_it_is_sent_again_only_after_two_empty_looks(begin, gu1, onboardings, pass_time):
    gu1.failing["create_validation"] = LOST
    started = begin()
    gu1.failing.clear()
    pass_time(60, stride=30)
    assert (created(gu1), looks(gu1)) == (1, 1)
    pass_time(14, stride=14)
    assert (created(gu1), looks(gu1)) == (1, 1)
    pass_time(1)
    assert (created(gu1), looks(gu1)) == (2, 2)
    assert stage(onboardings.get(started.id)) is Stage.READY


@pytest.mark.parametrize("looks_before", [0, 1])
def test_what_a_webhook_brings_during_a_look_is_kept(begin, gu1, onboardings, pass_time, looks_before):
    """Adopted and perhaps shown meanwhile: the empty look says nothing any more."""
    gu1.lose_answers, gu1.list_shows_rows = 1, False
    started = begin()
    pass_time(60 + 14 * looks_before, stride=2)

    async def webhook():
        onboardings.adopt(gu1.validations["validation-1"])
        assert onboardings.open_hosted_page(started.id)

    gu1.during["list_validations"] = webhook
    pass_time(120, stride=1)
    found = onboardings.get(started.id)
    assert (found.validation.gu1_id, stage(found), created(gu1)) == ("validation-1", Stage.WAITING, 1)


def test_a_process_halted_before_the_request_leaves_does_not_send_it(begin, gu1, onboardings, clock, monkeypatch):
    """Others may be at work when the answer comes."""
    save = Leases.save

    async def halted(leases, claimed, change):
        saved = await save(leases, claimed, change)
        if saved.validation.creation_state is CreationState.SENT:
            clock.advance(seconds=20)
        return saved

    with monkeypatch.context() as halting:
        halting.setattr(Leases, "save", halted)
        started = begin()
    assert (created(gu1), onboardings.get(started.id).validation.sends) == (0, 0)


def test_a_row_that_the_list_shows_late_is_still_adopted(begin, gu1, onboardings, pass_time):
    gu1.lose_answers, gu1.list_shows_rows = 1, False
    started = begin()
    pass_time(60, stride=30)
    gu1.list_shows_rows = True
    pass_time(15, stride=15)
    assert onboardings.get(started.id).validation.gu1_id == "validation-1"
    assert created(gu1) == 1


def test_a_failed_look_counts_as_no_look(begin, gu1, pass_time):
    gu1.failing = {"create_validation": LOST, "list_validations": Unavailable("busy")}
    begin()
    pass_time(600, stride=30)
    assert looks(gu1) > 2
    assert created(gu1) == 1


def test_three_sendings_are_the_most_and_then_an_operator_is_called(begin, gu1, onboardings, pass_time, caplog):
    gu1.failing["create_validation"] = LOST
    started = begin()
    pass_time(1200, stride=15)
    given_up = onboardings.get(started.id)
    assert (created(gu1), given_up.stall_reason, stage(given_up)) == (3, StallReason.REFUSED, Stage.DELAYED)
    assert any(it.levelname == "ERROR" and "no validation after 3 sends" in it.getMessage() for it in caplog.records)


def test_after_an_hour_of_that_it_goes_on_by_itself(begin, gu1, onboardings, pass_time):
    gu1.failing["create_validation"] = LOST
    started = begin()
    pass_time(1200, stride=15)
    gu1.failing.clear()
    pass_time(3600, stride=60)
    assert (created(gu1), stage(onboardings.get(started.id))) == (4, Stage.READY)


def test_what_gu1_shows_after_the_last_sending_is_still_adopted(begin, gu1, onboardings, pass_time):
    gu1.lose_answers, gu1.list_shows_rows = 3, False
    started = begin()
    pass_time(600, stride=15)
    gu1.list_shows_rows = True
    pass_time(600, stride=15)
    adopted = onboardings.get(started.id)
    assert (stage(adopted), adopted.validation.gu1_id, created(gu1)) == (Stage.READY, "validation-1", 3)


def test_sendings_that_never_left_do_not_count(begin, gu1, onboardings, pass_time):
    gu1.failing["create_validation"] = NotSent("no connection")
    started = begin()
    pass_time(600, stride=30)
    assert onboardings.get(started.id).validation.sends == 0
    gu1.failing["create_validation"] = LOST
    pass_time(60, stride=60)
    gu1.failing.clear()
    pass_time(75, stride=15)
    assert stage(onboardings.get(started.id)) is Stage.READY


def test_a_killed_process_loses_nothing(start, deadly_gu1, onboardings, pass_time, restart):
    started = start()
    with pytest.raises(Killed):
        pass_time(10, stride=5)
    restart()
    assert stage(onboardings.get(started.id)) is Stage.READY
    assert (len(deadly_gu1.entities), len(deadly_gu1.validations)) == (1, 1)


def test_a_process_killed_between_creation_and_answer_pays_once(start, work, gu1, onboardings, restart):
    started = start()
    gu1.kill_after_creation = Killed
    with pytest.raises(Killed):
        work()
    restart()
    assert onboardings.get(started.id).validation.gu1_id == "validation-1"
    assert created(gu1) == 1


def test_the_quiet_time_holds_for_the_next_process_too(begin, gu1, overtake):
    gu1.kill_after_creation = Killed
    with pytest.raises(Killed):
        begin()
    asyncio.run(overtake())
    assert (created(gu1), looks(gu1)) == (1, 0)


def test_a_process_killed_in_the_look_looks_again(begin, gu1, onboardings, pass_time, restart):
    gu1.lose_answers = 1
    started = begin()
    gu1.during["list_validations"] = die
    with pytest.raises(Killed):
        pass_time(60, stride=60)
    restart()
    assert onboardings.get(started.id).validation.gu1_id == "validation-1"
    assert created(gu1) == 1


def test_who_takes_over_a_claim_never_pays_beside_its_holder(begin, gu1, overtake, pass_time, onboardings):
    gu1.during["create_validation"] = overtake
    started = begin()
    kept = onboardings.get(started.id)
    assert (kept.validation.gu1_id, kept.validation.creation_state) == (None, CreationState.SENT)
    pass_time(60, stride=60)
    assert onboardings.get(started.id).validation.gu1_id == "validation-1"
    assert created(gu1) == 1


def test_stopped_with_a_lost_answer_it_is_found_and_cancelled(begin, gu1, onboardings, pass_time):
    gu1.lose_answers = 1
    started = begin()
    onboardings.stop(started.id)
    pass_time(90, stride=15)
    assert gu1.validations["validation-1"].status is Status.CANCELLED
    assert onboardings.get(started.id).due_at is None
