"""A partner's customers: asked only when gu1 does not vouch for them any more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.attempts import DEFAULT_WINDOW
from portal.domain.entity_status import EntityStatus
from portal.domain.errors import Malformed, Refused, Unavailable
from portal.domain.onboarding import ConsentText, StallReason
from portal.domain.stage import Stage, stage_of
from portal.domain.standing import may_continue, standing_of
from portal.domain.status import Status
from portal.domain.validation import CreationState, DoubleCheck
from tests.factories import NOW, some_details

A_MONTH_AGO = NOW - timedelta(days=30)
VERIFIED = EntityStatus(
    is_verified=True, needs_reverification=False, validation_id="another-systems", verified_at=A_MONTH_AGO
)


def stage(onboarding):
    return stage_of(onboarding, max_attempts=3)


@pytest.fixture
def known(gu1):
    """gu1 knows customer-7."""

    def known(status):
        gu1.entities["entity-1"] = ("30111222", "customer-7")
        gu1.statuses["entity-1"] = status

    return known


@pytest.fixture
def verified(known, create_for_customer):
    """Customer-7, invited again while their verification holds."""
    known(VERIFIED)
    return create_for_customer()


@pytest.fixture(params=["find_entity", "read_entity_status"])
def look_up(request):
    """Each of the two calls that make it."""
    return request.param


@pytest.fixture
def during_look_up(verified, look_up, gu1, work, onboardings):
    """What becomes of the customer when something happens before gu1 answers, or fails to."""

    def during_look_up(happens, failure):
        async def meanwhile():
            happens(verified)
            gu1.failures.append(failure)

        gu1.during[look_up] = meanwhile
        work()
        return onboardings.get(verified.id)

    return during_look_up


@pytest.fixture
def fill_in(onboardings):
    return lambda invited: onboardings.give_details(invited.id, some_details(), consent=ConsentText("2026-01"))


def test_invited_customer_is_stored_without_anything_to_verify(create_for_customer, onboardings):
    invited = onboardings.get(create_for_customer().id)
    assert (invited.external_id, invited.validation, invited.details) == ("customer-7", None, None)
    assert (stage(invited), invited.due_at) == (Stage.DETAILS, NOW)


def test_verified_customer_is_approved_without_asking(verified, work, onboardings, gu1):
    work()
    approved = onboardings.get(verified.id)
    assert (stage(approved), approved.status) == (Stage.APPROVED, Status.APPROVED)
    assert approved.verified_before_at == A_MONTH_AGO
    assert (approved.due_at, len(gu1.entities), gu1.validations) == (None, 1, {})


@pytest.fixture
def approved_at_gu1(gu1, report):
    """gu1 approves a validation, and calls its entity verified from then on."""

    def approved_at_gu1(gu1_id, *, tells=True, **facts):
        """`tells`: a webhook says so."""
        changed = report(Status.APPROVED, gu1_id, **facts) if tells else gu1.becomes(gu1_id, Status.APPROVED, **facts)
        gu1.statuses[gu1.validations[gu1_id].entity_id] = replace(VERIFIED, validation_id=gu1_id)
        return changed

    return approved_at_gu1


@pytest.fixture
def customer(create_for_customer, fill_in, work, onboardings):
    """Invited, and as far as the hosted page."""

    def customer(external_id="customer-7", **options):
        invited = create_for_customer(external_id, **options)
        work()
        fill_in(invited)
        work()
        return onboardings.get(invited.id)

    return customer


@pytest.fixture
def ask_again(create_for_customer, work, onboardings):
    """The partner wants the customer verified once more, and gu1 is looked up."""

    def ask_again(**options):
        again = create_for_customer(**options)
        work()
        return onboardings.get(again.id)

    return ask_again


def test_own_approval_vouches_for_its_customer(customer, approved_at_gu1, ask_again):
    first = customer()
    approved_at_gu1("validation-1", double_check=DoubleCheck.ANSWERED, document_number="30111222")
    again = ask_again()
    assert (again.id != first.id, again.verified_before_at) == (True, A_MONTH_AGO)


PURPOSES = [None, "credit", "payout"]


@pytest.mark.parametrize("purpose", PURPOSES)
def test_own_approval_vouches_for_the_same_purpose_only(customer, approved_at_gu1, ask_again, purpose):
    first = customer(purpose=purpose)
    approved_at_gu1("validation-1", double_check=DoubleCheck.ANSWERED, document_number="30111222")
    vouched = {it: ask_again(purpose=it).verified_before_at for it in PURPOSES}
    assert vouched == {it: A_MONTH_AGO if it == purpose else None for it in PURPOSES}
    assert first.purpose == purpose


def test_another_systems_approval_vouches_for_no_purpose(known, ask_again):
    known(VERIFIED)
    assert stage(ask_again(purpose="credit")) is Stage.DETAILS
    assert stage(ask_again()) is Stage.APPROVED


def test_customer_is_one_entity_whatever_the_purpose(customer, gu1, approved_at_gu1, onboardings):
    ready = [customer(purpose=it) for it in PURPOSES]
    assert list(gu1.entities.values()) == [("30111222", "customer-7")]
    assert {it.entity_id for it in ready} == {"entity-1"}
    assert len({it.validation.gu1_id for it in ready}) == 3
    approved_at_gu1(ready[1].validation.gu1_id, double_check=DoubleCheck.ANSWERED, document_number="30111222")
    assert [stage(onboardings.get(it.id)) for it in ready] == [Stage.READY, Stage.APPROVED, Stage.READY]


def test_attempts_of_a_customer_are_counted_over_all_purposes(customer, onboardings, report):
    for purpose in PURPOSES:
        it = customer(purpose=purpose)
        onboardings.open_hosted_page(it.id)
        report(Status.REJECTED, it.validation.gu1_id)
    one_more = customer(purpose="fourth")
    assert stage(onboardings.get(one_more.id)) is Stage.CLOSED


@pytest.mark.parametrize(
    "facts",
    [
        {"double_check": DoubleCheck.ANSWERED, "document_number": "30999999"},
        {"double_check": DoubleCheck.UNANSWERED, "document_number": "30111222"},
    ],
    ids=["held", "not-confirmed"],
)
def test_what_is_not_believed_here_vouches_for_nobody(customer, approved_at_gu1, ask_again, onboardings, facts):
    first = customer()
    onboardings.open_hosted_page(first.id)
    approved_at_gu1("validation-1", **facts)
    onboardings.stop(first.id)
    again = ask_again()
    assert (again.id != first.id, stage(again)) == (True, Stage.DETAILS)


def test_a_stopped_approval_vouches_for_nobody(customer, approved_at_gu1, ask_again, onboardings):
    first = customer()
    onboardings.open_hosted_page(first.id)
    onboardings.stop(first.id)
    approved_at_gu1("validation-1", double_check=DoubleCheck.ANSWERED, document_number="30111222")
    assert stage(ask_again()) is Stage.DETAILS


def test_stopped_before_its_answer_came_it_vouches_for_nobody(customer, approved_at_gu1, ask_again, onboardings, gu1):
    """gu1's sandbox approves by itself, also a validation whose answer was lost."""
    gu1.lose_answers = 1
    onboardings.stop(customer().id)
    approved_at_gu1("validation-1", double_check=DoubleCheck.ANSWERED, tells=False)
    assert stage(ask_again()) is Stage.DETAILS


def test_another_customers_approval_vouches_for_nobody_else(customer, approved_at_gu1, ask_again, onboardings):
    onboardings.stop(customer("customer-7").id)
    stranger = customer("customer-8")  # who types the number of customer-7
    approved_at_gu1(stranger.validation.gu1_id, double_check=DoubleCheck.ANSWERED, document_number="30111222")
    assert stage(ask_again()) is Stage.DETAILS


def test_status_that_names_no_validation_vouches_for_nobody(known, ask_again):
    known(replace(VERIFIED, validation_id=None))
    assert stage(ask_again()) is Stage.DETAILS


def test_verified_without_a_date_counts_from_now(create_for_customer, known, work, onboardings, clock):
    known(replace(VERIFIED, verified_at=None))
    invited = create_for_customer()
    work()
    assert onboardings.get(invited.id).verified_before_at == clock()


@pytest.mark.parametrize(
    "status",
    [
        replace(VERIFIED, needs_reverification=True),
        replace(VERIFIED, is_verified=False),
        replace(VERIFIED, expires_at=NOW),
        EntityStatus(is_verified=False, needs_reverification=True),
    ],
)
def test_customer_whose_verification_does_not_hold_is_asked(create_for_customer, known, work, onboardings, status):
    known(status)
    invited = create_for_customer()
    work()
    asked = onboardings.get(invited.id)
    assert (stage(asked), asked.verified_before_at, asked.due_at) == (Stage.DETAILS, None, None)


def test_verification_that_ends_later_still_holds(create_for_customer, known, work, onboardings):
    known(replace(VERIFIED, expires_at=NOW + timedelta(seconds=1)))
    invited = create_for_customer()
    work()
    assert stage(onboardings.get(invited.id)) is Stage.APPROVED


def test_customer_unknown_to_gu1_is_asked(create_for_customer, known, work, onboardings, gu1):
    known(VERIFIED)
    invited = create_for_customer("customer-8")
    work()
    asked = onboardings.get(invited.id)
    assert (stage(asked), asked.verified_before_at, asked.due_at) == (Stage.DETAILS, None, None)
    assert gu1.named("read_entity_status") == []


def test_asked_customer_gets_a_validation_on_the_same_entity(create_for_customer, known, work, onboardings, fill_in):
    known(replace(VERIFIED, needs_reverification=True))
    invited = create_for_customer()
    work()
    fill_in(invited)
    work()
    ready = onboardings.get(invited.id)
    assert (stage(ready), ready.entity_id, ready.validation.gu1_id) == (Stage.READY, "entity-1", "validation-1")


def test_new_customer_is_created_under_the_partners_name(create_for_customer, work, fill_in, gu1):
    invited = create_for_customer()
    work()
    fill_in(invited)
    work()
    assert gu1.entities == {"entity-1": ("30111222", "customer-7")}


@pytest.mark.parametrize("failure", [Unavailable("down"), Malformed("what?")])
def test_while_gu1_is_down_the_form_is_offered(during_look_up, failure):
    waiting = during_look_up(lambda verified: None, failure)
    assert stage(waiting) is Stage.DETAILS
    assert waiting.due_at > NOW


@pytest.mark.parametrize("http_status", [400, 401, 402, 403, 404, 422])
def test_look_up_that_gu1_refuses_ends_in_asking(during_look_up, http_status):
    asked = during_look_up(lambda verified: None, Refused(http_status, None))
    assert (stage(asked), asked.verified_before_at) == (Stage.DETAILS, None)
    assert (asked.due_at, asked.stall_reason, asked.failures) == (None, None, 0)


def test_look_up_ends_with_the_link(verified, clock, pass_time, onboardings, gu1):
    gu1.failing["find_entity"] = Unavailable("down")
    pass_time(60, stride=30)
    clock.advance(days=30)
    asked = len(gu1.calls)
    pass_time(120, stride=60)
    over = onboardings.get(verified.id)
    assert (over.due_at, over.stall_reason, over.verified_before_at) == (None, None, None)
    assert len(gu1.calls) == asked


def test_details_of_who_is_verified_are_forgotten(known, create_for_customer, work, onboardings):
    known(VERIFIED)
    given = create_for_customer(details=some_details())
    assert onboardings.get(given.id).details
    work()
    approved = onboardings.get(given.id)
    assert (stage(approved), approved.details) == (Stage.APPROVED, None)


def test_details_of_who_is_not_verified_await_consent(create_for_customer, work, onboardings):
    given = create_for_customer(details=some_details())
    work()
    assert onboardings.get(given.id).only_consent_is_missing


def test_look_up_is_tried_again_until_gu1_answers(verified, look_up, pass_time, onboardings, gu1):
    gu1.failing[look_up] = Unavailable("down")
    pass_time(300, stride=30)
    gu1.failing.clear()
    pass_time(60, stride=30)
    approved = onboardings.get(verified.id)
    assert (stage(approved), approved.stall_reason, approved.failures) == (Stage.APPROVED, None, 0)


def test_details_end_the_looking_up(verified, pass_time, fill_in, onboardings, gu1):
    gu1.failing["read_entity_status"] = Unavailable("down")
    pass_time(5)
    fill_in(verified)
    gu1.failing.clear()
    pass_time(60, stride=30)
    ready = onboardings.get(verified.id)
    assert (stage(ready), ready.verified_before_at) == (Stage.READY, None)


@pytest.mark.parametrize("failure", [None, Unavailable("down"), Refused(403, "FORBIDDEN")])
def test_details_given_meanwhile_are_not_disturbed(during_look_up, fill_in, failure):
    ready = during_look_up(fill_in, failure)
    assert (stage(ready), ready.verified_before_at, ready.failures) == (Stage.READY, None, 0)
    assert ready.validation.creation_state is CreationState.ADOPTED


def test_details_are_not_wanted_from_who_is_verified(verified, work, fill_in, onboardings):
    work()
    assert fill_in(verified).details is None
    assert onboardings.get(verified.id).validation is None


def test_who_is_verified_cannot_retry_continue_or_stop(verified, work, onboardings):
    work()
    approved = onboardings.get(verified.id)
    assert not standing_of(
        approved, max_attempts=3, attempts_window=DEFAULT_WINDOW, now=NOW
    ).may_retry and not may_continue(approved, NOW)
    assert onboardings.stop(verified.id) == approved
    assert onboardings.open_hosted_page(verified.id) is None


def test_stopped_before_the_look_up_nobody_is_asked(verified, work, onboardings, gu1):
    onboardings.stop(verified.id)
    work()
    stopped = onboardings.get(verified.id)
    assert (stage(stopped), stopped.status, stopped.due_at) == (Stage.CANCELLED, Status.CANCELLED, None)
    assert gu1.calls == []


@pytest.mark.parametrize("failure", [None, Unavailable("down")])
def test_stopped_during_the_look_up_it_stays_stopped(verified, during_look_up, pass_time, onboardings, failure):
    during_look_up(lambda verified: onboardings.stop(verified.id), failure)
    pass_time(10)
    stopped = onboardings.get(verified.id)
    assert (stage(stopped), stopped.verified_before_at, stopped.due_at) == (Stage.CANCELLED, None, None)


def test_refused_details_of_a_customer_can_be_corrected(create_for_customer, work, fill_in, onboardings, gu1):
    invited = create_for_customer()
    work()
    gu1.failing["create_entity"] = Refused(400, "INVALID_TAX_ID", about_details=True)
    fill_in(invited)
    work()
    assert onboardings.get(invited.id).stall_reason is StallReason.DETAILS_REFUSED
    gu1.failing.clear()
    fill_in(invited)
    work()
    assert stage(onboardings.get(invited.id)) is Stage.READY


def test_public_form_never_asks_whether_somebody_is_verified(begin, known, gu1, onboardings):
    known(VERIFIED)
    started = begin()
    kept = onboardings.get(started.id)
    assert (kept.entity_id, kept.verified_before_at, stage(kept)) == ("entity-1", None, Stage.READY)
    assert gu1.named("read_entity_status") == []


def test_customer_without_a_verification_of_their_own_inherits_none(
    create_for_customer, known, work, fill_in, onboardings
):
    known(VERIFIED)
    invited = create_for_customer("customer-8")
    work()
    fill_in(invited)
    work()
    kept = onboardings.get(invited.id)
    assert (kept.entity_id, kept.verified_before_at, stage(kept)) == ("entity-1", None, Stage.READY)
    assert kept.validation.gu1_id == "validation-1"
