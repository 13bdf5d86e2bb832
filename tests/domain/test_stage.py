from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from portal.domain.attempts import DEFAULT_WINDOW
from portal.domain.onboarding import StallReason
from portal.domain.reasons import OUTAGE_WAITS, REMEDIES, Reason, Remedy
from portal.domain.stage import LONG_PAUSE, Stage, stage_of
from portal.domain.standing import may_continue, standing_of
from portal.domain.status import Status
from portal.domain.validation import CreationState, DoubleCheck, IdentityMatch
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding


def may_retry(onboarding, **at):
    return standing_of(onboarding, attempts_window=DEFAULT_WINDOW, **at).may_retry


def retry_opens_at(onboarding, **at):
    return standing_of(onboarding, attempts_window=DEFAULT_WINDOW, **at).retry_opens_at


def attempts_left(onboarding, max_attempts):
    return standing_of(onboarding, max_attempts=max_attempts, attempts_window=DEFAULT_WINDOW, now=NOW).attempts_left


BY_STATUS = {
    "pending": "waiting",
    "in_progress": "waiting",
    "unknown": "waiting",
    "in_review": "in_review",
    "approved": "approved",
    "rejected": "rejected",
    "expired": "expired",
    "abandoned": "abandoned",
    "cancelled": "cancelled",
}
RETRYABLE = {Status.REJECTED, Status.EXPIRED, Status.CANCELLED}


def adopted(**changes):
    return an_onboarding(validation=an_adopted_validation(**{"opened_at": NOW} | changes))


def stage(onboarding, max_attempts=3):
    return stage_of(onboarding, max_attempts=max_attempts)


@pytest.mark.parametrize("status", Status)
def test_each_status_of_an_opened_validation_has_its_stage(status):
    assert stage(adopted(status=status)) == BY_STATUS[status]


def test_pending_with_an_unopened_hosted_page_is_ready():
    assert stage(adopted(opened_at=None)) is Stage.READY


def test_pending_without_a_hosted_page_is_waiting():
    assert stage(adopted(opened_at=None, session_url=None)) is Stage.WAITING


def test_without_a_validation_the_details_are_wanted():
    assert stage(an_onboarding(details=None, validation=None)) is Stage.DETAILS


@pytest.mark.parametrize("creation_state", [CreationState.PLANNED, CreationState.SENT])
@pytest.mark.parametrize(
    ("stall_reason", "failures", "expected"),
    [
        (None, 0, Stage.PREPARING),
        (StallReason.UNAVAILABLE, 1, Stage.PREPARING),
        (StallReason.UNAVAILABLE, 2, Stage.DELAYED),
        (None, 2, Stage.DELAYED),
        (StallReason.REFUSED, 1, Stage.DELAYED),
        (StallReason.DETAILS_REFUSED, 1, Stage.DETAILS),
    ],
)
def test_before_adoption_trouble_decides(creation_state, stall_reason, failures, expected):
    onboarding = an_onboarding(
        validation=a_validation(creation_state=creation_state), stall_reason=stall_reason, failures=failures
    )
    lost_answer = creation_state is CreationState.SENT and failures and expected is Stage.PREPARING
    assert stage(onboarding) is (Stage.DELAYED if lost_answer else expected)


@pytest.mark.parametrize(
    ("pause", "failures", "expected"),
    [(LONG_PAUSE, 1, Stage.DELAYED), (LONG_PAUSE / 2, 1, Stage.PREPARING), (LONG_PAUSE, 0, Stage.PREPARING)],
)
def test_one_failure_is_told_where_a_long_pause_follows(pause, failures, expected):
    put_off = an_onboarding(validation=a_validation(), failures=failures, due_at=NOW + pause)
    assert stage(put_off) is expected


@pytest.mark.parametrize("stall_reason", [StallReason.UNAVAILABLE, StallReason.REFUSED])
@pytest.mark.parametrize("status", Status)
def test_trouble_with_reading_hides_nothing_but_the_promise_of_a_quick_result(status, stall_reason):
    onboarding = an_onboarding(
        validation=an_adopted_validation(status=status, opened_at=NOW), stall_reason=stall_reason, failures=9
    )
    known = BY_STATUS[status]
    assert stage(onboarding) == (Stage.DELAYED if known == Stage.WAITING else known)


@pytest.mark.parametrize("status", Status)
def test_refused_hosted_page_delays_whatever_is_not_final(status):
    onboarding = an_onboarding(
        validation=an_adopted_validation(status=status, opened_at=NOW), stall_reason=StallReason.HOSTED_PAGE_REFUSED
    )
    assert (stage(onboarding) is Stage.DELAYED) == (not status.is_final)


def test_approval_waits_for_the_double_check():
    assert stage(adopted(status=Status.APPROVED, double_check=DoubleCheck.UNANSWERED)) is Stage.CONFIRMING
    assert stage(adopted(status=Status.APPROVED, double_check=DoubleCheck.ANSWERED)) is Stage.APPROVED


def test_approval_of_another_document_is_held_in_review():
    assert stage(adopted(status=Status.APPROVED, identity_match=IdentityMatch.MISMATCH)) is Stage.IN_REVIEW
    assert stage(adopted(status=Status.REJECTED, identity_match=IdentityMatch.MISMATCH)) is Stage.REJECTED


@pytest.mark.parametrize("status", Status)
def test_stopped_is_cancelled_whatever_gu1_says(status):
    assert stage(an_onboarding(validation=an_adopted_validation(status=status), stopped_at=NOW)) is Stage.CANCELLED


def test_verified_before_is_approved_without_a_validation():
    assert stage(an_onboarding(details=None, validation=None, verified_before_at=NOW)) is Stage.APPROVED
    assert stage(an_onboarding(validation=None, verified_before_at=NOW, stopped_at=NOW)) is Stage.CANCELLED


def test_what_was_closed_at_its_end_is_expired_and_can_be_opened_again():
    ended = adopted(status=Status.CANCELLED, expires_at=NOW, gu1_updated_at=NOW)
    assert stage(ended) is Stage.EXPIRED and may_retry(ended, max_attempts=3, now=NOW)
    assert stage(ended, max_attempts=1) is Stage.CLOSED


@pytest.mark.parametrize("status", Status)
def test_last_attempt_closes_what_could_be_retried(status):
    last = adopted(status=status, number=3)
    assert (stage(last) is Stage.CLOSED) == (status in RETRYABLE)


def test_final_stages_are_those_where_only_the_applicant_moves():
    final = {"details", "approved", "rejected", "expired", "cancelled", "closed", "lapsed"}
    assert {str(it) for it in Stage if it.is_final} == final


@pytest.mark.parametrize(("number", "left"), [(1, 2), (2, 1), (3, 0), (4, 0)])
def test_attempts_left_never_go_below_zero(number, left):
    assert attempts_left(adopted(number=number), max_attempts=3) == left


def test_all_attempts_are_left_before_the_first():
    assert attempts_left(an_onboarding(validation=None), max_attempts=3) == 3


@pytest.mark.parametrize("status", Status)
def test_only_what_ended_badly_may_be_retried(status):
    assert may_retry(adopted(status=status), max_attempts=3, now=NOW) == (status in RETRYABLE)


@pytest.mark.parametrize("reason", Reason)
def test_reasons_for_contact_may_not_be_retried(reason):
    rejected = adopted(status=Status.REJECTED, reason=reason)
    assert may_retry(rejected, max_attempts=3, now=NOW + OUTAGE_WAITS[0]) == (REMEDIES[reason] is not Remedy.CONTACT)


def silent_registry(**changes):
    return adopted(**{"status": Status.REJECTED, "reason": Reason.REGISTRY_UNAVAILABLE} | changes)


def test_a_silent_registry_is_given_time():
    rejected, over = silent_registry(), NOW + OUTAGE_WAITS[0]
    assert retry_opens_at(rejected, max_attempts=3, now=NOW) == over
    assert not may_retry(rejected, max_attempts=3, now=over - timedelta(microseconds=1))
    assert may_retry(rejected, max_attempts=3, now=over)
    assert retry_opens_at(rejected, max_attempts=3, now=over) is None


def test_the_wait_counts_from_when_it_could_be_seen():
    heard_late = replace(silent_registry(gu1_updated_at=NOW - timedelta(hours=3)), updated_at=NOW)
    assert retry_opens_at(heard_late, max_attempts=3, now=NOW) == NOW + OUTAGE_WAITS[0]


@pytest.mark.parametrize("reason", [reason for reason in Reason if REMEDIES[reason] is not Remedy.RETRY_LATER])
def test_nothing_else_has_to_be_waited_out(reason):
    rejected = adopted(status=Status.REJECTED, reason=reason)
    assert retry_opens_at(rejected, max_attempts=3, now=NOW) is None


@pytest.mark.parametrize(("in_row", "wait"), list(enumerate([*OUTAGE_WAITS, OUTAGE_WAITS[-1]])))
def test_waits_grow_with_the_outages_in_a_row(in_row, wait):
    again = replace(silent_registry(number=in_row + 1), outages=in_row, outages_in_row=in_row)
    assert retry_opens_at(again, max_attempts=3, now=NOW) == NOW + wait


def test_outages_are_no_attempts_of_the_applicants():
    assert attempts_left(silent_registry(), max_attempts=3) == 3
    assert attempts_left(replace(silent_registry(number=9), outages=8), max_attempts=3) == 3
    assert stage(replace(silent_registry(number=9), outages=8)) is Stage.REJECTED
    assert attempts_left(replace(adopted(number=5), outages=3), max_attempts=3) == 1


def test_there_is_no_waiting_for_a_retry_that_never_comes():
    assert retry_opens_at(replace(silent_registry(), stopped_at=NOW), max_attempts=3, now=NOW) is None
    assert retry_opens_at(an_onboarding(validation=None), max_attempts=3, now=NOW) is None


def test_nobody_retries_past_the_limit_or_after_stopping():
    rejected = an_adopted_validation(status=Status.REJECTED)
    assert not may_retry(an_onboarding(validation=rejected), max_attempts=1, now=NOW)
    assert not may_retry(an_onboarding(validation=rejected, stopped_at=NOW), max_attempts=3, now=NOW)
    assert not may_retry(an_onboarding(validation=None), max_attempts=3, now=NOW)


@pytest.mark.parametrize("status", Status)
def test_hosted_page_opens_only_while_capture_is_possible(status):
    open_to = {Status.PENDING, Status.IN_PROGRESS, Status.ABANDONED}
    assert may_continue(adopted(status=status), NOW) == (status in open_to)


@pytest.mark.parametrize("status", [Status.PENDING, Status.IN_PROGRESS, Status.ABANDONED])
def test_hosted_page_is_shut_from_the_end_on(status):
    ending = adopted(status=status, expires_at=NOW + timedelta(hours=1))
    assert may_continue(ending, NOW + timedelta(minutes=59))
    assert not may_continue(ending, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    "onboarding",
    [
        an_onboarding(validation=None),
        an_onboarding(validation=a_validation(session_url="https://verify.didit.me/x")),
        an_onboarding(
            validation=a_validation(session_url="https://verify.didit.me/x", creation_state=CreationState.SENT)
        ),
        an_onboarding(validation=an_adopted_validation(session_url=None)),
        an_onboarding(validation=an_adopted_validation(), stopped_at=NOW),
    ],
)
def test_hosted_page_of_no_adopted_validation_stays_shut(onboarding):
    assert not may_continue(onboarding, NOW)


def test_approval_is_shown_only_where_nothing_is_open():
    for status, creation_state, double_check, match, stopped in product(
        Status, CreationState, DoubleCheck, IdentityMatch, [None, NOW]
    ):
        facts = {
            "status": status,
            "creation_state": creation_state,
            "double_check": double_check,
            "identity_match": match,
        }
        seen = stage(an_onboarding(validation=an_adopted_validation(**facts), stopped_at=stopped))
        fine = status is Status.APPROVED and creation_state is CreationState.ADOPTED and stopped is None
        open_questions = double_check is DoubleCheck.UNANSWERED or match is IdentityMatch.MISMATCH
        assert (seen is Stage.APPROVED) == (fine and not open_questions)
