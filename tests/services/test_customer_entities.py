"""A customer's entity at gu1 was given up, and another took its place: what comes later finds the right one."""

from dataclasses import replace

import pytest

from portal.domain.entity_status import EntityStatus
from portal.domain.errors import Refused
from portal.domain.name_match import name_of
from portal.domain.onboarding import ConsentText
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck
from tests.databases import on_both_databases, on_sqlite
from tests.factories import NOW, some_details

TYPED, VERIFIED = "30111222", "30111223"
APPROVED = {
    "status": Status.APPROVED,
    "double_check": DoubleCheck.ANSWERED,
    "document_number": VERIFIED,
    "name": name_of("ANA MARIA", "NUNEZ"),
}


@pytest.fixture
def customer(create_for_customer, onboardings, work):
    """Gives the details of a partner's customer, and lets gu1 have them."""

    def customer(number=TYPED, **options):
        created = create_for_customer(**options)
        work()
        onboardings.give_details(created.id, some_details(document_number=number), consent=ConsentText("2026-01"))
        work()
        return created

    return customer


@pytest.fixture
def verify(onboardings, report, work):
    def verify(created):
        onboardings.open_hosted_page(created.id)
        report(gu1_id=onboardings.get(created.id).validation.gu1_id, **APPROVED)
        work()
        return onboardings.get(created.id)

    return verify


@pytest.fixture
def replaced(customer, verify, onboardings, gu1, work):
    """The approved onboarding of the customer, whose mistyped number gu1 did not change."""
    gu1.changes_numbers = "refused"
    held = verify(customer())
    onboardings.correct_number(held.id, VERIFIED)
    work()
    approved = verify(held)
    assert onboardings.standing(approved).stage is Stage.APPROVED
    return approved


@on_both_databases
def test_each_entity_has_an_external_id_of_its_own(replaced, gu1):
    assert gu1.entities == {
        "entity-1": (TYPED, "customer-7"),
        "entity-2": (VERIFIED, f"customer-7~{replaced.id}"),
    }
    assert (replaced.entity_id, replaced.entity_is_own) == ("entity-2", True)


@on_both_databases
def test_next_onboarding_of_the_customer_uses_the_one_that_followed(replaced, customer, onboardings):
    again = onboardings.get(customer(VERIFIED, reverify=True).id)
    assert again.id != replaced.id
    assert (again.entity_id, again.entity_is_own) == ("entity-2", False)


@on_sqlite
def test_approval_on_the_one_that_followed_is_found(replaced, create_for_customer, onboardings, gu1, work):
    is_verified = EntityStatus(
        is_verified=True, needs_reverification=False, validation_id=replaced.validation.gu1_id, verified_at=NOW
    )
    gu1.statuses["entity-2"] = is_verified
    again = create_for_customer()
    work()
    assert again.id != replaced.id and onboardings.standing(onboardings.get(again.id)).stage is Stage.APPROVED


@on_sqlite
def test_another_customer_is_not_led_there(replaced, create_for_customer, onboardings, gu1, work):
    gu1.entities["entity-3"] = ("30999888", "customer-8")
    create_for_customer("customer-8")
    gu1.calls.clear()
    work()
    assert ("read_entity_status", "entity-2") not in [call[:2] for call in gu1.calls]


@on_sqlite
def test_one_that_never_had_the_customers_id_is_found_too(customer, verify, onboardings, gu1, work):
    gu1.entities["entity-9"] = (TYPED, "somebody-else")
    held = verify(customer())
    onboardings.correct_number(held.id, VERIFIED, first_name="Ana", last_name="Núñez")
    work()
    followed = verify(held).entity_id
    gu1.calls.clear()
    again = onboardings.get(customer(VERIFIED, reverify=True).id)
    assert (again.entity_id, gu1.named("find_entity_by_tax_id")) == (followed, [])


@on_sqlite
def test_if_that_one_is_lost_too_a_third_follows_and_is_found(replaced, customer, onboardings, gu1, work):
    gu1.entities["entity-2"] = ("deleted", "deleted")
    gu1.failing["create_validation"] = Refused(404, "ENTITY_NOT_FOUND")
    second = customer(VERIFIED, reverify=True)
    gu1.failing.clear()
    onboardings.give_details(second.id, some_details(document_number=VERIFIED), consent=ConsentText("2026-01"))
    work()
    assert onboardings.get(second.id).entity_id == "entity-3"
    assert gu1.entities["entity-3"] == (VERIFIED, f"customer-7~{second.id}")
    onboardings.stop(second.id)
    work()
    assert onboardings.get(customer(VERIFIED, reverify=True).id).entity_id == "entity-3"


@on_sqlite
def test_what_was_given_up_is_not_used_again_even_if_a_row_names_it(replaced, customer, onboardings):
    with onboardings._store.locked(replaced.id) as row:
        row.save(replace(row.onboarding, entity_id="entity-1", lost_entity_id="entity-1"))
    assert onboardings.get(customer(VERIFIED, reverify=True).id).entity_id == "entity-2"


@on_sqlite
def test_entity_whose_answer_was_lost_is_the_onboardings_own(begin, verify, onboardings, gu1, pass_time):
    gu1.changes_numbers = "refused"
    held = verify(begin())
    create = gu1.create_entity

    async def lose_answer(details, external_id):
        gu1.create_entity = create
        await create(details, external_id)
        raise Refused(502, None)

    gu1.create_entity = lose_answer
    onboardings.correct_number(held.id, VERIFIED)
    pass_time(120, 5)
    again = onboardings.get(held.id)
    assert (again.entity_id, again.entity_is_own) == ("entity-2", True)
    assert gu1.entities["entity-2"] == (VERIFIED, f"{held.id}~{held.id}")
