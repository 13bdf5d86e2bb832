"""A partner's customers: found by their own partner only, and erased so that nothing of the person is left."""

import asyncio
import contextlib

import pytest
from sqlalchemy import select

from portal.domain.errors import AnotherApplicant, KeyReused, Refused, RetryRefused, UnknownOnboarding
from portal.domain.onboarding import ConsentText
from portal.domain.reasons import Reason
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck
from portal.services.partner_onboardings import CreateRequest
from portal.store.database import make_engine
from portal.store.tables import metadata
from tests.factories import NOW, some_details

PLANTED = {
    "external_id": "planted-customer",
    "known_as": "planted-name",
    "return_url": "https://shop.example/planted",
    "state": "planted-state",
    "details": some_details(document_number="30555666", first_name="Planted", email="planted@example.com"),
}


@pytest.fixture
def invited(create_for_customer):
    """With everything that a partner may say of a customer."""
    return lambda: create_for_customer(key="planted-key", **PLANTED)


@pytest.fixture
def agreed(invited, onboardings):
    """Who has agreed to what the partner gave, and has not been to gu1 yet."""
    return onboardings.give_details(invited().id, None, consent=ConsentText("2026-01"))


@pytest.fixture
def ready(agreed, work, onboardings):
    work()
    return onboardings.get(agreed.id)


@pytest.fixture
def rejected(ready, report, customers):
    """Who could try again, and was erased meanwhile."""
    report(Status.REJECTED, reason=Reason.DOCUMENT_UNREADABLE)
    customers.erase("shop", ready.id)
    return ready


@pytest.fixture
def left(config):
    """Every value of every table."""

    def left():
        engine = make_engine(config.database_url)
        with engine.connect() as connection:
            rows = [row for table in metadata.sorted_tables for row in connection.execute(select(table)).mappings()]
        engine.dispose()
        return [value for row in rows for value in row.values() if value is not None]

    return left


@pytest.fixture
def nothing_is_left(left, onboardings, work):
    """Nor comes back with what the runner does next."""

    def check(onboarding):
        work()
        kept, text = left(), repr(left())
        assert not any(isinstance(value, bytes) for value in kept), "something encrypted is left"
        words = ("planted", "Planted", "30555666", "session-of-", "verify.example.com")
        words += (str(onboarding.document_digest), str(onboarding.name_digests))
        assert not any(word in text for word in words)
        erased = onboardings.get(onboarding.id)
        return bool(erased.erased_at) and (erased.country, erased.details) == (None, None)

    return check


@pytest.fixture
def erase(customers):
    return lambda onboarding: customers.erase("shop", onboarding.id)


@pytest.fixture
def erase_during(erase, gu1, clock, work):
    """While a call is under way."""

    def erase_during(operation, onboarding):
        async def meanwhile():
            clock.advance(seconds=1)
            await asyncio.to_thread(erase, onboarding)

        gu1.during[operation] = meanwhile
        work()

    return erase_during


@pytest.fixture
def retried(ready, report, onboardings, work):
    report(Status.REJECTED, reason=Reason.DOCUMENT_UNREADABLE)
    onboardings.retry(ready.id, after_attempt=1)
    work()
    return onboardings.get(ready.id)


def test_planted_data_are_there_before(ready, left):
    text = repr(left())
    assert all(word in text for word in ("planted-customer", "planted-state", "planted-key", ready.document_digest))


def test_invited_customer_has_the_details_and_only_consent_is_missing(invited, onboardings):
    kept = onboardings.get(invited().id)
    assert kept.only_consent_is_missing
    assert (kept.details, stage_of(kept, max_attempts=3)) == (PLANTED["details"], Stage.DETAILS)


def test_what_a_key_is_remembered_by_cannot_be_guessed(customers, left):
    """A plain hash of a document number is found by trying all of them."""
    request_ = CreateRequest(partner="shop", external_id="customer-7", locale="es-AR")
    customers.create(request_, key="key-1")
    keyed_hash = [value for value in left() if isinstance(value, str) and len(value) == 64]
    other = CreateRequest(partner="shop", external_id="customer-7", locale="en")
    with pytest.raises(KeyReused):
        customers.create(other, key="key-1")
    assert len(keyed_hash) == 1


@pytest.mark.parametrize("act", ["find", "erase"])
def test_another_partners_customer_is_unknown(customers, invited, act):
    theirs = invited()
    for partner, onboarding_id in (("bank", theirs.id), ("shop", "nobody")):
        with pytest.raises(UnknownOnboarding):
            getattr(customers, act)(partner, onboarding_id)
    assert customers.find("shop", theirs.id).external_id == "planted-customer"


def test_erased_customer_is_found_no_more(customers, invited, erase):
    gone = invited()
    erase(gone)
    with pytest.raises(UnknownOnboarding):
        customers.find("shop", gone.id)


def test_nothing_is_left_of_who_never_came(invited, erase, nothing_is_left, gu1):
    gone = invited()
    erase(gone)
    assert nothing_is_left(gone)
    assert gu1.calls == []


def test_nothing_is_left_of_who_has_just_agreed(agreed, erase, nothing_is_left, gu1):
    erase(agreed)
    assert nothing_is_left(agreed)
    assert (gu1.entities, gu1.validations) == ({}, {})


def test_nothing_is_left_of_who_was_ready(ready, erase, nothing_is_left, gu1):
    erase(ready)
    assert nothing_is_left(ready)
    assert gu1.validations["validation-1"].status is Status.CANCELLED


def test_nothing_is_left_of_who_had_a_verdict(ready, erase, nothing_is_left, report):
    report(Status.APPROVED, document_number="30555666")
    erase(ready)
    assert nothing_is_left(ready)


def test_nothing_is_left_of_earlier_attempts(retried, erase, nothing_is_left):
    assert retried.attempts == 2
    erase(retried)
    assert nothing_is_left(retried)


@pytest.mark.parametrize("operation", ["create_entity", "create_validation"])
def test_nothing_is_left_where_gu1_was_being_asked(agreed, erase_during, nothing_is_left, gu1, operation):
    erase_during(operation, agreed)
    assert nothing_is_left(agreed)
    assert {row.status for row in gu1.validations.values()} <= {Status.CANCELLED}


@pytest.mark.parametrize("status", [Status.IN_PROGRESS, Status.APPROVED, Status.REJECTED])
def test_late_news_brings_nothing_back(ready, erase, nothing_is_left, report, status):
    erase(ready)
    report(status, document_number="30555666", session_url="https://verify.example.com/session/late")
    assert nothing_is_left(ready)


def test_cancelling_goes_on_until_gu1_answers(ready, erase, pass_time, gu1):
    gu1.failing["cancel_validation"] = gu1.failing["read_validation"] = ConnectionError("down")
    erase(ready)
    pass_time(60, stride=30)
    gu1.failing.clear()
    pass_time(120, stride=30)
    assert gu1.validations["validation-1"].status is Status.CANCELLED


def test_receipt_is_the_same_each_time(ready, erase, work, clock):
    first = erase(ready)
    work()
    clock.advance(days=400)
    assert erase(ready) == first
    assert (first.erased_at, first.entity_id, first.validation_id) == (NOW, "entity-1", "validation-1")


def test_erasing_is_counted_once(ready, erase, counted):
    erase(ready)
    erase(ready)
    assert counted("erased") == 1


def test_verdict_that_stands_is_not_cancelled_by_erasing(ready, erase, report, work, onboardings):
    report(Status.APPROVED, double_check=DoubleCheck.ANSWERED)
    erase(ready)
    work()
    kept = onboardings.get(ready.id)
    assert (kept.stopped_at, kept.status) == (None, Status.APPROVED)


def test_erased_page_cannot_be_gone_on_with(ready, erase, onboardings):
    erase(ready)
    assert onboardings.open_hosted_page(ready.id) is None
    assert onboardings.record_return(ready.validation.session_id) is None


def test_asked_again_the_open_one_follows_the_newest_wish(create_for_customer, onboardings):
    first = create_for_customer(state="one", return_url="https://shop.example/done", details=some_details())
    again = create_for_customer(state="two", capture="frame", details=some_details(first_name="Other"))
    assert (again.id, again.state, again.return_url, again.capture) == (first.id, "two", first.return_url, "frame")
    assert onboardings.get(first.id) == again and again.details.first_name == "Other"


def test_details_given_anew_need_a_new_agreement(agreed, create_for_customer, onboardings, work, gu1):
    gu1.failing["create_entity"] = Refused(400, "INVALID_TAX_ID", about_details=True)
    work()
    gu1.failing.clear()
    again = create_for_customer(**PLANTED | {"details": some_details(document_number="30777888")})
    work()
    assert again.id == agreed.id and again.only_consent_is_missing and not gu1.entities
    onboardings.give_details(again.id, None, consent=ConsentText("2026-01"))
    work()
    assert [number for number, _ in gu1.entities.values()] == ["30777888"]


def test_under_way_another_person_is_not_taken_for_the_customer(ready, create_for_customer):
    assert create_for_customer(**PLANTED | {"state": "new"}).state == "new"
    with pytest.raises(AnotherApplicant):
        create_for_customer(**PLANTED | {"details": some_details(document_number="30777888")})


ACTS = {
    "retry": lambda it, found: it.retry(found.id, after_attempt=1),
    "give_details": lambda it, found: it.give_details(found.id, some_details(), consent=ConsentText("2026-01")),
    "open_hosted_page": lambda it, found: it.open_hosted_page(found.id),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_nothing_begins_for_somebody_just_erased(rejected, onboardings, gu1, work, act):
    with contextlib.suppress(RetryRefused):
        assert not isinstance(act(onboardings, rejected), str)
    work()
    assert len(gu1.validations) == 1 and onboardings.get(rejected.id).details is None
