from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.reasons import Reason, Remedy
from portal.domain.status import OVERTURNS, Status
from portal.domain.validation import (
    CLOCKS_APART,
    NOTHING_COMPARED,
    SESSION_LIFE,
    Decider,
    DoubleCheck,
    Identity,
    IdentityBasis,
    IdentityMatch,
    Observation,
)
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding, some_details

LATER, EARLIER = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)
ANOTHERS, OWN = (Identity(match, IdentityBasis.NUMBER) for match in (IdentityMatch.MISMATCH, IdentityMatch.MATCH))
SECONDS = [NOW + timedelta(seconds=number) for number in range(4)]


def seen(status, updated_at=LATER, **facts):
    return Observation(gu1_id="gu1-1", status=status, updated_at=updated_at, **facts)


def after(validation, *news, identity=NOTHING_COMPARED):
    for one in news:
        validation = validation.observed(one, identity)
    return validation


def test_newer_news_is_taken_over_whole():
    verified = {"session_url": "https://verify.didit.me/2", "session_id": "s2", "verified_at": NOW, "expires_at": LATER}
    changed = after(an_adopted_validation(), seen(Status.APPROVED, **verified))
    assert {name: getattr(changed, name) for name in verified} == verified
    assert (changed.status, changed.gu1_updated_at) == (Status.APPROVED, LATER)


def test_older_news_changes_nothing():
    validation = an_adopted_validation(status=Status.IN_PROGRESS)
    assert after(validation, seen(Status.REJECTED, EARLIER, session_id="other")) is validation


@pytest.mark.parametrize("updated_at", [NOW, None])
def test_news_of_no_known_age_moves_forward_only(updated_at):
    validation = an_adopted_validation(status=Status.IN_REVIEW)
    assert after(validation, seen(Status.IN_PROGRESS, updated_at)) is validation
    assert after(validation, seen(Status.APPROVED, updated_at)).status is Status.APPROVED


def test_newer_news_may_go_back_from_what_is_not_final():
    validation = an_adopted_validation(status=Status.IN_REVIEW)
    assert after(validation, seen(Status.IN_PROGRESS)).status is Status.IN_PROGRESS


def test_the_same_status_may_bring_new_facts():
    changed = after(an_adopted_validation(session_url=None), seen(Status.PENDING, NOW, session_url="https://v/1"))
    assert changed.session_url == "https://v/1"


def test_missing_facts_do_not_wipe_out_known_ones():
    validation = an_adopted_validation(verified_at=NOW)
    changed = after(validation, seen(Status.IN_PROGRESS, None))
    kept = ("session_url", "session_id", "gu1_updated_at", "expires_at", "verified_at")
    assert all(getattr(changed, name) == getattr(validation, name) for name in kept)


def test_double_check_that_answers_later_settles_the_approval():
    confirming = after(an_adopted_validation(double_check=DoubleCheck.UNANSWERED), seen(Status.APPROVED))
    assert confirming.is_confirming and not confirming.is_settled
    settled = after(confirming, seen(Status.APPROVED, LATER, double_check=DoubleCheck.ANSWERED))
    assert settled.is_settled and not settled.is_confirming


def test_row_without_metadata_does_not_lift_the_double_check():
    asked = an_adopted_validation(double_check=DoubleCheck.UNANSWERED)
    assert after(asked, seen(Status.APPROVED)).is_confirming


@pytest.mark.parametrize("denial", [{"omits_double_check": True}, {"double_check": DoubleCheck.NOT_ASKED}])
def test_double_check_that_gu1_does_not_take_up_holds_nothing(denial):
    asked = an_adopted_validation(double_check=DoubleCheck.UNANSWERED)
    assert after(asked, seen(Status.APPROVED, **denial)).is_settled


def test_double_check_that_is_taken_up_late_is_waited_for():
    denied = after(
        an_adopted_validation(double_check=DoubleCheck.UNANSWERED), seen(Status.PENDING, NOW, omits_double_check=True)
    )
    assert after(denied, seen(Status.APPROVED, LATER, double_check=DoubleCheck.UNANSWERED)).is_confirming


def test_what_was_taken_up_is_lifted_by_a_plain_no_only():
    asked = an_adopted_validation(double_check=DoubleCheck.UNANSWERED)
    taken_up = after(asked, seen(Status.IN_PROGRESS, NOW, double_check=DoubleCheck.UNANSWERED))
    assert after(taken_up, seen(Status.APPROVED, LATER, omits_double_check=True)).is_confirming
    assert after(taken_up, seen(Status.APPROVED, LATER, double_check=DoubleCheck.NOT_ASKED)).is_settled


@pytest.mark.parametrize("later", [None, *DoubleCheck])
def test_answered_double_check_stays_answered(later):
    answered = an_adopted_validation(double_check=DoubleCheck.ANSWERED)
    assert after(answered, seen(Status.APPROVED, double_check=later)).double_check is DoubleCheck.ANSWERED


def test_late_rejection_replaces_an_approval():
    approved = after(an_adopted_validation(double_check=DoubleCheck.UNANSWERED), seen(Status.APPROVED))
    rejected = after(
        approved, seen(Status.REJECTED, reason=Reason.REGISTRY_CARD_OUTDATED, double_check=DoubleCheck.ANSWERED)
    )
    assert (rejected.status, rejected.reason) == (Status.REJECTED, Reason.REGISTRY_CARD_OUTDATED)
    assert rejected.is_settled


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.REJECTED])
def test_only_a_rejection_has_a_reason(status):
    assert after(an_adopted_validation(), seen(status, reason=Reason.UNDERAGE)).reason is None


def test_rejection_without_a_reason_is_unspecified_until_one_is_given():
    rejected = after(an_adopted_validation(), seen(Status.REJECTED))
    assert (rejected.reason, rejected.remedy) == (Reason.UNSPECIFIED, Remedy.RETRY_NOW)
    named = after(rejected, seen(Status.REJECTED, reason=Reason.UNDERAGE))
    assert after(named, seen(Status.REJECTED)).reason is Reason.UNDERAGE


def test_unknown_word_is_never_final_and_can_be_left():
    lost = after(an_adopted_validation(), seen(Status.UNKNOWN))
    assert not lost.is_settled and not lost.status.is_final
    assert after(lost, seen(Status.APPROVED, None)).status is Status.APPROVED


def test_known_identity_is_not_forgotten_by_a_row_without_a_document():
    doubtful = after(an_adopted_validation(), seen(Status.APPROVED), identity=ANOTHERS)
    assert doubtful.is_doubtful and not doubtful.is_settled
    assert after(doubtful, seen(Status.APPROVED)).is_doubtful
    assert not after(doubtful, seen(Status.APPROVED), identity=OWN).is_doubtful


def test_approval_that_could_not_be_compared_is_held_only_where_that_is_required():
    required, lenient = (
        after(an_adopted_validation(identity_required=is_required), seen(Status.APPROVED))
        for is_required in (True, False)
    )
    assert (required.is_uncompared, required.is_held, required.is_settled) == (True, True, False)
    assert (lenient.is_uncompared, lenient.is_held) == (False, False)
    assert after(required, seen(Status.APPROVED), identity=OWN).is_settled
    doubtful = after(required, seen(Status.APPROVED), identity=ANOTHERS)
    assert (doubtful.is_uncompared, doubtful.is_held) == (False, True)


def test_bookkeeping_is_nothing_an_applicant_could_notice():
    validation = an_adopted_validation()
    assert validation.looks_like(after(validation, seen(Status.PENDING, session_id="other", expires_at=LATER)))
    assert not validation.looks_like(after(validation, seen(Status.IN_PROGRESS)))


def test_session_ends_when_gu1_says_so_else_a_week_after_it_was_asked_for():
    assert an_adopted_validation(expires_at=LATER).ends_at == LATER
    assert an_adopted_validation(expires_at=None, sent_at=LATER).ends_at == LATER + SESSION_LIFE
    assert a_validation().ends_at == NOW + SESSION_LIFE


def test_later_end_replaces_an_earlier_one_and_a_missing_one_none():
    put_off = after(an_adopted_validation(expires_at=NOW), seen(Status.PENDING, expires_at=LATER))
    assert after(put_off, seen(Status.IN_PROGRESS)).ends_at == LATER


@pytest.mark.parametrize(
    ("closed_at", "expected"),
    [
        (NOW, True),
        (NOW + timedelta(days=1), True),
        (NOW - CLOCKS_APART, True),
        (NOW - CLOCKS_APART - timedelta(seconds=1), False),
        (None, False),
    ],
)
def test_cancelled_at_its_end_is_run_out_and_before_it_is_not(closed_at, expected):
    assert an_adopted_validation(status=Status.CANCELLED, expires_at=NOW, gu1_updated_at=closed_at).ran_out is expected


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CANCELLED])
def test_what_gu1_did_not_close_has_not_run_out(status):
    late = an_adopted_validation(status=status, expires_at=NOW, gu1_updated_at=LATER)
    assert late.ran_out is (status is Status.EXPIRED)


def test_personal_data_stay_out_of_what_a_traceback_shows():
    onboarding = an_onboarding(validation=an_adopted_validation(session_url="https://verify.didit.me/secret"))
    shown = repr(onboarding) + repr(some_details()) + repr(seen(Status.PENDING, document_number="30111222"))
    assert not any(word in shown for word in ("Núñez", "30111222", "ana@example.com", "verify.didit.me"))


news_of_any_age = st.builds(
    seen,
    st.sampled_from(Status),
    st.integers(0, 20).map(lambda seconds: NOW + timedelta(seconds=seconds)) | st.none(),
    double_check=st.sampled_from([None, *DoubleCheck]),
)


@given(news=st.lists(news_of_any_age, max_size=8))
def test_final_status_moves_as_the_table_says_and_a_verdict_has_a_decider(news):
    validation = an_adopted_validation()
    for one in news:
        before, validation = validation, after(validation, one)
        if before.status.is_final and validation.status is not before.status:
            assert validation.status in OVERTURNS[before.status]
        assert validation.status is Status.REJECTED or validation.reason is None
        assert (validation.decided_by is None) == (validation.status not in {Status.APPROVED, Status.REJECTED})


def test_rejection_after_a_review_is_a_persons_decision():
    rejected = after(an_adopted_validation(), seen(Status.IN_REVIEW), seen(Status.REJECTED, SECONDS[2]))
    assert (rejected.decided_by, rejected.remedy) == (Decider.PERSON, Remedy.CONTACT)


@pytest.mark.parametrize("review_at", [EARLIER, None])
def test_review_that_is_heard_of_after_the_rejection_counts(review_at):
    rejected = after(an_adopted_validation(), seen(Status.REJECTED))
    assert (rejected.decided_by, rejected.remedy) == (Decider.AUTOMATIC, Remedy.RETRY_NOW)
    assert after(rejected, seen(Status.IN_REVIEW, review_at)).decided_by is Decider.PERSON


def test_registrys_rejection_is_no_persons_in_either_order():
    rejection = seen(Status.REJECTED, SECONDS[2], reason=Reason.REGISTRY_CARD_OUTDATED)
    for news in ([seen(Status.IN_REVIEW), rejection], [rejection, seen(Status.IN_REVIEW)]):
        assert after(an_adopted_validation(), *news).decided_by is Decider.AUTOMATIC


def test_review_heard_again_does_not_make_monitorings_rejection_a_persons():
    approved = after(an_adopted_validation(), seen(Status.IN_REVIEW), seen(Status.APPROVED, SECONDS[2]))
    taken_back = after(approved, seen(Status.REJECTED, SECONDS[3], reason=Reason.DOCUMENT_EXPIRED))
    assert after(taken_back, seen(Status.IN_REVIEW)) is taken_back


def test_newer_review_of_a_rejection_says_nothing_of_who_rejected():
    rejected = after(an_adopted_validation(), seen(Status.REJECTED))
    assert after(rejected, seen(Status.IN_REVIEW, SECONDS[2])) is rejected


def test_row_that_shows_the_person_is_believed_and_not_forgotten():
    rejected = after(an_adopted_validation(), seen(Status.REJECTED, by_person=True))
    assert rejected.decided_by is Decider.PERSON
    assert after(rejected, seen(Status.REJECTED, SECONDS[2])).decided_by is Decider.PERSON


def test_who_overturns_a_rejection_is_a_person():
    approved = after(an_adopted_validation(), seen(Status.REJECTED), seen(Status.APPROVED, SECONDS[2]))
    assert (approved.status, approved.reason, approved.decided_by) == (Status.APPROVED, None, Decider.PERSON)


@pytest.mark.parametrize(("reason", "expected"), [(Reason.DOCUMENT_EXPIRED, Decider.AUTOMATIC), (None, Decider.PERSON)])
def test_approval_taken_back_without_a_code_was_taken_back_by_a_person(reason, expected):
    taken_back = after(an_adopted_validation(), seen(Status.APPROVED), seen(Status.REJECTED, SECONDS[2], reason=reason))
    assert taken_back.decided_by is expected


def test_reviewed_approval_that_monitoring_takes_back_may_be_tried_again():
    approved = after(an_adopted_validation(), seen(Status.IN_REVIEW), seen(Status.APPROVED, SECONDS[2]))
    taken_back = after(approved, seen(Status.REJECTED, SECONDS[3], reason=Reason.DOCUMENT_EXPIRED))
    assert (taken_back.decided_by, taken_back.remedy) == (Decider.AUTOMATIC, Remedy.RETRY_NOW)


@pytest.mark.parametrize("ended", [Status.EXPIRED, Status.CANCELLED])
def test_approval_that_ended_is_no_session_that_ran_out(ended):
    late = NOW + SESSION_LIFE + timedelta(days=1)
    ended_later = after(an_adopted_validation(), seen(Status.APPROVED), seen(ended, late))
    assert ended_later.lost_approval and not ended_later.ran_out and ended_later.is_settled


@given(
    news=st.permutations(
        [
            seen(status, NOW + timedelta(seconds=i + 1))
            for i, status in enumerate(
                [Status.IN_PROGRESS, Status.ABANDONED, Status.IN_PROGRESS, Status.IN_REVIEW, Status.APPROVED]
            )
        ]
    )
)
def test_order_of_arrival_does_not_matter(news):
    assert after(an_adopted_validation(), *news).status is Status.APPROVED
