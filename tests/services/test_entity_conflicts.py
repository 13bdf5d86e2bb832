"""gu1 has an entity for the number already, and it is somebody else's: another country's, or another name's."""

import asyncio

import pytest

from portal.domain.errors import CuilNeeded, Malformed, OutcomeUnknown, Refused, Unavailable
from portal.domain.onboarding import ConsentText, EntityConflict, StallReason
from portal.domain.stage import Stage, stage_of
from portal.services.operator_actions import Operator
from tests.factories import some_details

PEDRO = some_details(document_number="20123470", first_name="Pedro", last_name="Gómez Luna", email=None)
COLOMBIAN = {"country": "CO", "document_number": "20123470"}
OLD_DNI, ITS_CUIL = {"document_number": "7654321"}, {"document_number": "20076543217"}
ANOTHER_PERSON = (Stage.DETAILS, EntityConflict.ANOTHER_PERSON, None)
READY = (Stage.READY, None)


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


@pytest.fixture
def taken(gu1):
    """gu1 has Pedro under `number`, and tells it by the refusal of a duplicate alone, unless a search finds him."""

    def taken(number="20123470", *, finds_tax_ids=False, person=PEDRO):
        gu1.finds_tax_ids = finds_tax_ids
        gu1.entities["pedros-entity"] = (number, "pedros-own-id")
        gu1.people["pedros-entity"] = person

    return taken


def outcome(onboarding):
    return stage_of(onboarding, max_attempts=3), onboarding.conflict, onboarding.entity_id


def reads(gu1):
    return len(gu1.named("read_entity"))


@pytest.mark.parametrize("finds_tax_ids", [True, False])
@pytest.mark.parametrize("details", [COLOMBIAN, {"document_number": "20123470"}])
def test_somebody_elses_entity_is_not_taken_over(taken, begin, onboardings, gu1, *, details, finds_tax_ids):
    taken(finds_tax_ids=finds_tax_ids)
    stopped = onboardings.get(begin(**details).id)
    assert outcome(stopped) == ANOTHER_PERSON
    assert (stopped.due_at, stopped.failures, stopped.details is None) == (None, 0, False)
    assert (reads(gu1), gu1.validations) == (1, {})


def test_nothing_of_the_other_entity_is_kept_or_logged_and_the_operator_is_told_once(
    taken, begin, onboardings, caplog, *, counted, pass_time
):
    taken()
    started = begin(**COLOMBIAN)
    pass_time(60, stride=20)
    errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert [started.id in message for message in errors] == [True]
    assert counted("entity_conflicts") == 1
    everything = caplog.text + repr(onboardings.get(started.id))
    assert not [word for word in ("Pedro", "Gómez", "pedros", "Luna") if word in everything]


@pytest.mark.parametrize("word", ["NÚÑEZ ANA", "Ana María Nunez", "Ана Нуньес"])
def test_same_person_looks_like_somebody_new(taken, begin, onboardings, word):
    taken("20123470", person=some_details(document_number="20123470", first_name=word, last_name=""))
    known = onboardings.get(begin(document_number="20123470", nonce="form-1").id)
    new = onboardings.get(begin(document_number="20123471", nonce="form-2").id)
    assert known.entity_id == "pedros-entity"
    assert [
        (*outcome(it)[:2], it.stall_reason, it.failures, it.fence, it.updated_at, it.due_at) for it in (known, new)
    ] == [(*READY, None, 0, known.fence, known.updated_at, known.due_at)] * 2


def test_two_people_of_one_old_number_are_told_apart_by_the_cuil(taken, begin, onboardings, work, *, gu1, caplog):
    taken(OLD_DNI["document_number"])
    started = begin(**OLD_DNI)
    asked = onboardings.get(started.id)
    assert outcome(asked) == (Stage.DETAILS, EntityConflict.CUIL_NEEDED, None)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    onboardings.give_details(started.id, some_details(**ITS_CUIL), consent=ConsentText("2026-01"))
    work()
    ready = onboardings.get(started.id)
    assert outcome(ready) == (*READY, "entity-2")
    assert gu1.entities["entity-2"] == (ITS_CUIL["document_number"], started.id)
    assert [it.entity_id for it in gu1.validations.values()] == ["entity-2"]


def test_partner_of_one_of_two_people_sends_the_cuil(taken, create_for_customer, onboardings, work, gu1):
    taken(OLD_DNI["document_number"])
    invited = create_for_customer(details=some_details(**OLD_DNI))
    onboardings.give_details(invited.id, None, consent=ConsentText("2026-01"))
    work()
    asked = onboardings.get(invited.id)
    assert outcome(asked) == (Stage.DETAILS, EntityConflict.CUIL_NEEDED, None)
    for number in ("7654321", "07654321", "8123456"):
        with pytest.raises(CuilNeeded):
            create_for_customer(details=some_details(document_number=number))
    assert onboardings.get(invited.id) == asked
    assert create_for_customer(details=some_details(**ITS_CUIL)).id == invited.id
    onboardings.give_details(invited.id, None, consent=ConsentText("2026-01"))
    work()
    assert outcome(onboardings.get(invited.id)) == (*READY, "entity-2")
    assert gu1.entities["entity-2"] == (ITS_CUIL["document_number"], "customer-7")


def test_cuil_of_somebody_else_is_for_the_operator(taken, begin, onboardings):
    taken(ITS_CUIL["document_number"])
    assert outcome(onboardings.get(begin(**ITS_CUIL).id)) == ANOTHER_PERSON


@pytest.mark.parametrize("error", [Unavailable("busy"), OutcomeUnknown("reset"), Malformed("no JSON")])
@pytest.mark.parametrize(("person", "expected"), [(PEDRO, None), (some_details(), "pedros-entity")])
def test_read_that_fails_is_tried_again_before_anything_is_decided(
    taken, begin, onboardings, gu1, *, pass_time, error, person, expected
):
    taken(person=person)
    gu1.failing["read_entity"] = error
    started = begin(document_number="20123470")
    waiting = onboardings.get(started.id)
    assert (waiting.stall_reason, waiting.conflict, waiting.entity_id) == (StallReason.UNAVAILABLE, None, None)
    gu1.failing.clear()
    pass_time(2)
    assert onboardings.get(started.id).entity_id == expected
    assert (onboardings.get(started.id).conflict is None) == (expected is not None)


@pytest.mark.parametrize("refusal", [Refused(403, "FORBIDDEN"), Refused(400, None, about_details=True)])
def test_key_that_may_not_read_takes_nobody_over(taken, begin, onboardings, gu1, refusal):
    taken()
    gu1.failing["read_entity"] = refusal
    refused = onboardings.get(begin(document_number="20123470").id)
    assert (refused.stall_reason, refused.entity_id) == (StallReason.REFUSED, None)


@pytest.mark.parametrize("person", [PEDRO, some_details()])
def test_process_killed_in_the_read_is_followed_by_another(taken, start, work, onboardings, *, gu1, restart, person):
    async def die():
        raise Killed

    taken(person=person)
    gu1.during["read_entity"] = die
    started = start(document_number="20123470")
    with pytest.raises(Killed):
        work()
    assert onboardings.get(started.id).entity_id is None
    restart()
    found = onboardings.get(started.id)
    assert (found.conflict is None, found.entity_id) == ((False, None) if person is PEDRO else (True, "pedros-entity"))
    assert len(gu1.validations) == (0 if person is PEDRO else 1)


def test_read_that_hangs_beyond_the_lease_decides_nothing(taken, start, work, onboardings, *, gu1, overtake, caplog):
    taken()
    gu1.during["read_entity"] = overtake
    started = start(document_number="20123470")
    work()
    assert outcome(onboardings.get(started.id)) == ANOTHER_PERSON
    assert (reads(gu1), gu1.validations) == (2, {})
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


def test_stopped_during_the_read_it_stays_stopped(taken, start, work, onboardings, gu1):
    taken()
    started = start(document_number="20123470")

    async def stop():
        await asyncio.to_thread(onboardings.stop, started.id)

    gu1.during["read_entity"] = stop
    work()
    assert stage_of(onboardings.get(started.id), max_attempts=3) is Stage.CANCELLED
    assert gu1.validations == {}


def test_operator_corrects_the_name_at_gu1_and_lets_it_go_on(taken, begin, onboardings, gu1, *, work, app):
    taken()
    started = begin(document_number="20123470")
    gu1.people["pedros-entity"] = some_details(first_name="Ana Pedro")
    app.extensions["portal"].operator_actions.resume(started.id, Operator("ana", "the same person, other name before"))
    work()
    assert outcome(onboardings.get(started.id)) == (*READY, "pedros-entity")


def test_partner_whose_details_conflict_corrects_them(taken, create_for_customer, onboardings, work):
    taken()
    customer = create_for_customer(details=some_details(document_number="20123470"))
    onboardings.give_details(customer.id, None, consent=ConsentText("2026-01"))
    work()
    assert outcome(onboardings.get(customer.id)) == ANOTHER_PERSON
    corrected = create_for_customer(details=some_details(document_number="20123471"))
    assert (corrected.id, corrected.conflict, corrected.stall_reason) == (customer.id, None, None)
    onboardings.give_details(customer.id, None, consent=ConsentText("2026-01"))
    work()
    assert outcome(onboardings.get(customer.id))[:2] == READY
