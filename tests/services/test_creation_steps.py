"""One entity for each person, in both of gu1's worlds, and nobody's past for anybody who types their number."""

from datetime import timedelta

import pytest

from portal.domain.entity_status import EntityStatus
from portal.domain.errors import Refused, Unavailable
from portal.domain.onboarding import ConsentText, StallReason
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import Observation
from tests.factories import NOW, some_details

THEIR_NUMBER = "30999888"


def stage(onboarding):
    return stage_of(onboarding, max_attempts=3)


def created(gu1):
    return len(gu1.named("create_entity"))


@pytest.mark.parametrize("refuses", [True, False])
def test_one_person_twice_is_one_entity_in_both_worlds(begin, gu1, onboardings, refuses):
    gu1.refuses_duplicates = refuses
    first, second = begin(nonce="form-1"), begin(nonce="form-2")
    assert onboardings.get(first.id).entity_id == onboardings.get(second.id).entity_id == "entity-1"
    assert (len(gu1.entities), len(gu1.validations)) == (1, 2)


@pytest.mark.parametrize("refuses", [True, False])
def test_lost_entity_is_found_by_our_own_id(begin, gu1, onboardings, pass_time, refuses):
    gu1.refuses_duplicates, gu1.finds_tax_ids = refuses, False
    gu1.failing["create_entity"] = Unavailable("the answer was lost")
    started = begin()
    gu1.entities["entity-7"] = ("30111222", started.id)
    pass_time(2)
    assert (onboardings.get(started.id).entity_id, created(gu1)) == ("entity-7", 1)


def test_our_own_id_goes_before_the_tax_id(create_for_customer, onboardings, gu1, work):
    gu1.entities["entity-1"] = ("30111222", "somebody-else")
    gu1.entities["entity-2"] = ("30000000", "customer-7")
    invited = create_for_customer()
    work()
    onboardings.give_details(invited.id, some_details(), consent=ConsentText("2026-01"))
    work()
    assert onboardings.get(invited.id).entity_id == "entity-2"


def test_refusal_alone_tells_of_the_first_entity(begin, gu1, onboardings):
    gu1.finds_tax_ids = False
    first, second = begin(nonce="form-1"), begin(nonce="form-2")
    assert onboardings.get(second.id).entity_id == onboardings.get(first.id).entity_id
    assert stage(onboardings.get(second.id)) is Stage.READY


def test_key_that_may_not_search_still_goes_on(begin, gu1, onboardings):
    gu1.failing = {"find_entity": Refused(403, "FORBIDDEN"), "find_entity_by_tax_id": Refused(403, "FORBIDDEN")}
    first, second = begin(nonce="form-1"), begin(nonce="form-2")
    assert [stage(onboardings.get(one.id)) for one in (first, second)] == [Stage.READY, Stage.READY]
    assert len(gu1.entities) == 1


def test_key_that_may_not_search_goes_on_after_a_failure_too(begin, gu1, onboardings, pass_time):
    gu1.failing = dict.fromkeys(["find_entity", "find_entity_by_tax_id"], Refused(403, "FORBIDDEN"))
    gu1.failing["create_entity"] = Unavailable("busy")
    started = begin()
    del gu1.failing["create_entity"]
    pass_time(2)
    assert stage(onboardings.get(started.id)) is Stage.READY


def test_search_that_fails_is_tried_again_before_anything_is_created(begin, gu1, onboardings, pass_time):
    gu1.refuses_duplicates = False
    gu1.entities["entity-1"] = ("30111222", "somebody")
    gu1.failing["find_entity_by_tax_id"] = Unavailable("busy")
    started = begin()
    assert created(gu1) == 0
    gu1.failing.clear()
    pass_time(2)
    assert (onboardings.get(started.id).entity_id, len(gu1.entities)) == ("entity-1", 1)


@pytest.fixture
def nameless_refusal(gu1):
    """A duplicate comes into being between our search and our request, and the refusal does not name it."""
    gu1.failing["create_entity"] = Refused(409, "DUPLICATE_TAX_ID")

    async def comes_into_being():
        gu1.entities["entity-9"] = ("30111222", "somebody")

    return comes_into_being


def test_duplicate_that_is_not_named_is_looked_up(begin, gu1, onboardings, nameless_refusal):
    gu1.during["create_entity"] = nameless_refusal
    started = begin()
    assert onboardings.get(started.id).entity_id == "entity-9"
    assert stage(onboardings.get(started.id)) is Stage.READY


def test_duplicate_that_cannot_be_found_is_for_the_operator(begin, gu1, onboardings, nameless_refusal, pass_time):
    started = begin()
    refused = onboardings.get(started.id)
    assert (refused.stall_reason, stage(refused)) == (StallReason.REFUSED, Stage.DELAYED)
    gu1.during["create_entity"] = nameless_refusal
    pass_time(30, stride=30)
    assert stage(onboardings.get(started.id)) is Stage.READY


@pytest.mark.parametrize("status", [400, 403, 404])
def test_other_refusals_are_never_taken_for_a_duplicate(begin, gu1, onboardings, nameless_refusal, status):
    gu1.failing["create_entity"] = Refused(status, "SOMETHING")
    gu1.during["create_entity"] = nameless_refusal
    assert onboardings.get(begin().id).entity_id is None


@pytest.fixture
def past(gu1):
    """What gu1 already has of a person: approved last year, and a session that is still open."""
    gu1.entities["their-entity"] = (THEIR_NUMBER, "their-own-id")
    gu1.statuses["their-entity"] = EntityStatus(is_verified=True, needs_reverification=False, verified_at=NOW)
    for number, status in enumerate([Status.APPROVED, Status.PENDING]):
        gu1.validations[f"past-{number}"] = Observation(
            gu1_id=f"past-{number}",
            entity_id="their-entity",
            status=status,
            session_url=f"https://verify.example.com/session/past-{number}",
            session_id=f"session-of-past-{number}",
            nonce=f"theirs-{number}",
            created_at=NOW - timedelta(days=1),
            updated_at=NOW - timedelta(days=1),
            verified_at=NOW,
        )
    return gu1


def visible(onboarding):
    """All that a page, or its time of answer, could tell of."""
    validation = onboarding.validation
    return (
        stage(onboarding),
        onboarding.status,
        onboarding.attempts,
        onboarding.stall_reason,
        onboarding.failures,
        onboarding.fence,
        onboarding.verified_before_at,
        onboarding.updated_at,
        onboarding.due_at,
        (validation.status, validation.identity_match, validation.verified_at, validation.expires_at, validation.sends),
    )


@pytest.mark.parametrize("finds_tax_ids", [True, False])
def test_known_number_looks_like_a_new_one(past, begin, onboardings, finds_tax_ids):
    past.finds_tax_ids = finds_tax_ids
    stranger = onboardings.get(begin(nonce="form-1").id)
    known = onboardings.get(begin(nonce="form-2", document_number=THEIR_NUMBER).id)
    assert known.entity_id == "their-entity"
    assert visible(known) == visible(stranger)


def test_known_number_gets_a_validation_of_its_own(past, begin, onboardings):
    known = onboardings.get(begin(document_number=THEIR_NUMBER).id)
    assert known.validation.gu1_id == "validation-3"
    assert known.validation.session_url.endswith("/validation-3")
    assert onboardings.open_hosted_page(known.id).endswith("/validation-3")
    assert "past" not in repr(known) + str(known.validation.session_id)


def test_nobody_asks_gu1_about_the_past_of_a_typed_number(past, begin, pass_time):
    begin(document_number=THEIR_NUMBER)
    pass_time(60, stride=5)
    assert past.named("read_entity_status") == past.named("list_validations") == []
    assert {call[1] for call in past.named("read_validation")} == {"validation-3"}


@pytest.mark.parametrize("shows_metadata", [True, False])
def test_lost_answer_never_ends_in_the_past_of_a_typed_number(past, begin, onboardings, pass_time, shows_metadata):
    past.list_shows_metadata, past.lose_answers = shows_metadata, 1
    known = begin(document_number=THEIR_NUMBER)
    pass_time(90, stride=15)
    assert onboardings.get(known.id).validation.gu1_id == "validation-3"


def test_news_of_the_past_never_reaches_a_typed_number(past, begin, onboardings):
    known = onboardings.get(begin(document_number=THEIR_NUMBER).id)
    for seen in [past.validations["past-0"], past.becomes("past-1", Status.APPROVED)]:
        assert not onboardings.observe(seen) and not onboardings.adopt(seen)
    assert onboardings.get(known.id) == known


@pytest.mark.parametrize("answers_with_page", [True, False])
def test_whoever_began_has_the_hosted_page_before_others_begin(start, work, gu1, onboardings, answers_with_page):
    gu1.calls_allowed, gu1.answers_with_page = 1, answers_with_page
    begun = [start(nonce=f"form-{number}", document_number=f"3012345{number}") for number in range(3)]
    work()
    assert all(onboardings.get(it.id).validation.session_url for it in begun)
    last = "create_validation" if answers_with_page else "read_validation"
    order = [name for name, *_ in gu1.calls if name in {"create_entity", last}]
    assert order == ["create_entity", last] * 3


def test_the_answer_counts_where_the_hosted_page_cannot_be_read(begin, gu1, onboardings):
    gu1.answers_with_page, gu1.failing["read_validation"] = False, Unavailable("down")
    adopted = onboardings.get(begin().id)
    assert (adopted.validation.gu1_id, adopted.failures, adopted.lease_until) == ("validation-1", 0, None)
