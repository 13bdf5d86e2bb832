"""What a partner is told of its customer: the same by the API and by notification, and no approval in doubt."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.onboarding import StallReason
from portal.domain.reasons import Reason
from portal.domain.status import Status
from portal.domain.validation import Decider, DoubleCheck, IdentityMatch
from portal.services.notification import UPDATED
from portal.services.summary import ChangeNotifier, summary_of
from portal.services.validation_plan import Policy
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding

LATER = NOW + timedelta(minutes=1)
POLICY = Policy(max_attempts=3, double_check_renaper=True)


@pytest.fixture(scope="module")
def database_kind():
    """Nothing here needs one."""


@pytest.fixture
def notify_of():
    """What `onboarding.updated` tells of a change."""
    notices = ChangeNotifier(lambda _: POLICY, lambda slug: slug == "shop")
    return lambda before, after: next((it.payload for it in notices(before, after) if it.type == UPDATED), None)


def waiting(**changes):
    validation = an_adopted_validation(gu1_id="validation-1", opened_at=NOW)
    given = {"id": "o-1", "partner": "shop", "external_id": "customer-7", "entity_id": "entity-1"}
    return an_onboarding(**given | {"validation": validation} | changes)


def with_validation(onboarding, **changes):
    return replace(onboarding, updated_at=LATER, validation=replace(onboarding.validation, **changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": Status.IN_PROGRESS}, {"status": "in_progress", "stage": "waiting"}),
        ({"status": Status.IN_REVIEW}, {"status": "in_review", "stage": "in_review"}),
        ({"status": Status.APPROVED}, {"status": "approved", "verified_at": "2026-03-02T12:01:00Z"}),
        (
            {"status": Status.REJECTED, "reason": Reason.FACE_MISMATCH},
            {"status": "rejected", "reason": "face_mismatch", "verified_at": None},
        ),
        (
            {"status": Status.APPROVED, "double_check": DoubleCheck.UNANSWERED},
            {"status": "in_review", "stage": "confirming", "verified_at": None},
        ),
        (
            {"status": Status.APPROVED, "identity_match": IdentityMatch.MISMATCH},
            {"status": "in_review", "identity_match": "mismatch", "verified_at": None},
        ),
        ({"number": 2, "gu1_id": None}, {"attempts": 2, "validation_id": None}),
    ],
)
def test_changes_that_are_told(notify_of, changes, told):
    before = waiting()
    news = json.loads(notify_of(before, with_validation(before, **changes)))
    assert news | told == news
    assert (news["id"], news["external_id"], news["updated_at"]) == ("o-1", "customer-7", "2026-03-02T12:01:00Z")


@pytest.mark.parametrize(
    "changes",
    [
        {"failures": 5, "stall_reason": StallReason.UNAVAILABLE},
        {"watched_at": LATER},
        {"due_at": LATER, "fence": 7},
        {"updated_at": LATER},
    ],
)
def test_waits_that_come_and_go_are_not_told(notify_of, changes):
    before = waiting()
    assert notify_of(before, replace(before, **changes)) is None


def test_first_steps_towards_gu1_are_not_told(notify_of):
    before = waiting(validation=a_validation())
    after = replace(before, validation=replace(an_adopted_validation(), nonce=before.validation.nonce))
    assert notify_of(before, after) is None


def test_stopping_is_told_as_an_end(notify_of):
    before = waiting()
    assert json.loads(notify_of(before, replace(before, stopped_at=LATER)))["stage"] == "cancelled"


def test_last_attempt_is_told_as_closed(notify_of):
    before = waiting(validation=an_adopted_validation(number=3, opened_at=NOW))
    news = json.loads(notify_of(before, with_validation(before, status=Status.REJECTED, reason=Reason.UNDERAGE)))
    assert (news["status"], news["stage"], news["attempts"]) == ("rejected", "closed", 3)


def test_customer_whose_verification_holds_is_told(notify_of):
    before = waiting(validation=None, details=None, consent=None)
    news = json.loads(notify_of(before, replace(before, verified_before_at=NOW - timedelta(days=30))))
    assert (news["status"], news["attempts"], news["verified_at"]) == ("approved", 0, "2026-01-31T12:00:00Z")


def test_approval_taken_back_by_the_registry_is_told(notify_of):
    before = with_validation(waiting(), status=Status.APPROVED)
    after = with_validation(before, status=Status.REJECTED, reason=Reason.REGISTRY_CARD_OUTDATED)
    assert json.loads(notify_of(before, after))["reason"] == "registry_card_outdated"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (Status.REJECTED, Status.APPROVED, {"status": "approved", "stage": "approved", "reason": None}),
        (Status.APPROVED, Status.EXPIRED, {"status": "expired", "stage": "expired", "verified_at": None}),
        (Status.APPROVED, Status.CANCELLED, {"status": "cancelled", "stage": "cancelled", "verified_at": None}),
    ],
)
def test_verdict_that_gu1_changes_is_told(notify_of, before, after, told):
    verdict = with_validation(waiting(), status=before, verified_at=NOW)
    news = json.loads(notify_of(verdict, with_validation(verdict, status=after)))
    assert news | told == news


def test_approval_of_an_earlier_attempt_is_told_with_its_validation(notify_of):
    open_attempt = an_adopted_validation(number=2, gu1_id="validation-2")
    before = waiting(validation=open_attempt)
    earlier = an_adopted_validation(gu1_id="validation-1", status=Status.APPROVED, decided_by=Decider.PERSON)
    news = json.loads(notify_of(before, replace(before, validation=earlier, attempts_opened=2)))
    assert (news["validation_id"], news["attempts"], news["decided_by"]) == ("validation-1", 2, "person")


@pytest.mark.parametrize("partner", [None, "bank"])
def test_nobody_is_told_who_does_not_listen(notify_of, partner):
    before = waiting(partner=partner)
    assert notify_of(before, with_validation(before, status=Status.APPROVED)) is None


def test_of_an_erased_person_nothing_is_told(notify_of):
    before = waiting(erased_at=NOW)
    assert notify_of(before, with_validation(before, status=Status.APPROVED)) is None


def test_news_hold_nothing_of_the_person(notify_of):
    before = waiting(state="a-state", return_url="https://shop.example/done")
    news = notify_of(before, with_validation(before, status=Status.APPROVED, session_url="https://secret.example"))
    planted = ("30111222", "Ana", "Núñez", "@", "https:", before.document_digest, before.validation.nonce)
    assert not any(word in news for word in planted)
    assert list(json.loads(news)) == list(summary_of(before, POLICY, LATER).__dataclass_fields__)


def test_approval_without_a_time_of_its_own_has_the_last_change(notify_of):
    approved = with_validation(waiting(), status=Status.APPROVED, verified_at=None)
    assert summary_of(approved, POLICY, LATER).verified_at == LATER
    dated = with_validation(waiting(), status=Status.APPROVED, verified_at=NOW)
    assert summary_of(dated, POLICY, LATER).verified_at == NOW


# status, further changes of the validation, is_final, attempts_left
ENDS = {
    "photos to take": ({}, False, 2),
    "retryable": ({"status": Status.REJECTED, "reason": Reason.FACE_MISMATCH}, False, 2),
    "rejected for good": ({"status": Status.REJECTED, "reason": Reason.UNDERAGE}, True, 0),
    "rejected by a reviewer": (
        {"status": Status.REJECTED, "reason": Reason.FACE_MISMATCH, "decided_by": Decider.PERSON}, True, 0,
    ),
    "registry away": ({"status": Status.REJECTED, "reason": Reason.REGISTRY_UNAVAILABLE}, False, 3),
    "cancelled at gu1": ({"status": Status.CANCELLED}, False, 2),
    "ran out": ({"status": Status.EXPIRED}, False, 2),
    "abandoned": ({"status": Status.ABANDONED}, False, 2),
    "in review": ({"status": Status.IN_REVIEW}, False, 2),
    "approved": ({"status": Status.APPROVED}, True, 0),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "is_final", "attempts_left"), ENDS.values(), ids=ENDS)
def test_it_is_said_whether_that_was_the_end(changes, is_final, attempts_left):
    told = summary_of(with_validation(waiting(), **changes), POLICY, LATER)
    assert (told.is_final, told.attempts_left) == (is_final, attempts_left)


def test_what_was_stopped_is_final_and_what_lacks_details_is_not():
    stopped = replace(with_validation(waiting(), status=Status.CANCELLED), stopped_at=LATER)
    assert (summary_of(stopped, POLICY, LATER).is_final, summary_of(stopped, POLICY, LATER).attempts_left) == (True, 0)
    assert not summary_of(waiting(validation=None), POLICY, LATER).is_final


def test_last_attempt_is_not_the_end_while_the_link_outlasts_the_wait():
    failed = an_adopted_validation(opened_at=NOW, status=Status.REJECTED, reason=Reason.FACE_MISMATCH)
    closed = waiting(validation=failed)
    once = replace(POLICY, max_attempts=1)
    told = summary_of(closed, once, LATER)
    assert (told.stage, told.is_final, told.can_retry_at) == ("closed", False, NOW + timedelta(days=1))
    long = replace(once, attempts_window=timedelta(days=30))
    assert summary_of(closed, long, LATER).is_final


def test_it_is_said_until_when_the_link_leads_on_and_whether_people_are_verified():
    told = summary_of(waiting(), POLICY, LATER)
    assert (told.expires_at, told.livemode) == (NOW + timedelta(days=30), True)
    assert summary_of(waiting(), replace(POLICY, is_live=False), LATER).livemode is False
