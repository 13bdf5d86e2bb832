"""What gu1 says after a verdict: of the attempt that the onboarding stands at, and of every other one."""

from itertools import count

import pytest

from portal.domain.errors import NotSent, OutcomeUnknown, Refused, RetryRefused, Unavailable
from portal.domain.onboarding import ConsentText
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import Decider, DoubleCheck
from portal.services.change_history import Action
from portal.services.operator_actions import Operator
from portal.services.summary import summary_of
from portal.services.validation_plan import Policy
from portal.services.webhook_handler import VerifiedWebhook
from tests.factories import some_details

ANSWERED = {"double_check": DoubleCheck.ANSWERED}
FIRST, SECOND = "validation-1", "validation-2"
OTHER_NUMBER = "30999888"


class Journey:
    """Of one applicant."""

    def __init__(self, app, onboarding_id):
        services = app.extensions["portal"]
        self.operator = services.operator_actions
        self._onboardings = services.onboardings
        self._webhooks = services.webhooks
        self._bodies = count()
        self.id = onboarding_id

    @property
    def onboarding(self):
        return self._onboardings.get(self.id)

    @property
    def standing(self):
        return self._onboardings.standing(self.onboarding)

    @property
    def told(self):
        """As the partner API has it."""
        found = self.onboarding
        return summary_of(found, Policy(max_attempts=3, double_check_renaper=True), found.updated_at)

    @property
    def last_action(self):
        return self.operator.show(self.id).history[-1].action

    @property
    def others(self):
        return [attempt.status for attempt in self._onboardings.other_attempts(self.id)]

    def retry(self, after_attempt=1):
        self._onboardings.retry(self.id, after_attempt=after_attempt)

    def open_hosted_page(self):
        return self._onboardings.open_hosted_page(self.id)

    def hint(self, gu1_id):
        """A webhook without the whole row: the runner has to read it."""
        return self._webhooks.handle(VerifiedWebhook(gu1_id), str(next(self._bodies)).encode())


@pytest.fixture
def journey(app, prepared):
    return Journey(app, prepared.id)


@pytest.fixture
def rejected(journey, report):
    journey.open_hosted_page()
    assert report(Status.REJECTED, **ANSWERED)
    return journey


@pytest.fixture
def retried(rejected, work):
    """At its second attempt, which is open."""
    rejected.retry()
    work()
    return rejected


def test_rejection_that_a_reviewer_overturns_is_an_approval(rejected, report, counted, caplog):
    report(Status.APPROVED, **ANSWERED)
    assert rejected.standing.stage is Stage.APPROVED
    assert (rejected.told.status, rejected.told.reason, rejected.told.decided_by) == ("approved", None, "person")
    assert counted("overturned") == 1
    assert "gu1 changed a verdict from rejected to approved" in caplog.text


@pytest.mark.parametrize("status", [Status.REJECTED, Status.EXPIRED, Status.CANCELLED])
def test_approval_that_monitoring_ends_is_none_any_more(journey, report, status):
    report(Status.APPROVED, **ANSWERED)
    report(status, reason=Reason.DOCUMENT_EXPIRED)
    assert (journey.standing.stage, journey.standing.may_retry) == (Stage(status), True)
    assert (journey.told.status, journey.told.verified_at) == (status, None)


def test_older_word_overturns_nothing(rejected, gu1, onboardings, clock):
    clock.advance(seconds=-30)
    assert onboardings.observe(gu1.becomes(FIRST, Status.APPROVED))
    assert rejected.told.status is Status.REJECTED


@pytest.mark.parametrize("before", [Status.REJECTED, Status.EXPIRED, Status.CANCELLED])
def test_webhook_without_the_row_has_a_settled_validation_read(journey, report, gu1, work, before):
    report(before, **ANSWERED)
    report(Status.IN_REVIEW)  # refused, but gu1's time is later now
    gu1.becomes(FIRST, Status.APPROVED, **ANSWERED)
    assert journey.hint(FIRST) == "looked_up"
    work()
    assert journey.told.status is Status.APPROVED
    assert journey.onboarding.due_at is None


def test_approval_of_an_earlier_attempt_ends_the_journey(retried, report, work, gu1):
    assert retried.open_hosted_page()
    assert report(Status.APPROVED, FIRST)
    assert retried.standing.stage is Stage.APPROVED
    assert (retried.told.validation_id, retried.told.attempts) == (FIRST, 2)
    assert retried.open_hosted_page() is None
    work()
    assert gu1.named("cancel_validation") == [("cancel_validation", SECOND)]
    assert (retried.onboarding.recheck_at, retried.onboarding.due_at) == (None, None)
    assert retried.others == [Status.CANCELLED]


def test_hint_about_an_earlier_attempt_has_it_read(retried, gu1, clock, work):
    clock.advance(seconds=1)
    gu1.becomes(FIRST, Status.APPROVED)
    assert retried.hint(FIRST) == "looked_up"
    work()
    assert (retried.told.status, retried.told.validation_id) == ("approved", FIRST)
    assert gu1.validations[SECOND].status is Status.CANCELLED


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.APPROVED])
def test_other_news_of_an_earlier_attempt_leaves_the_open_one_alone(retried, report, work, gu1, status):
    assert report(status, FIRST)
    work()
    assert retried.standing.stage is Stage.READY
    assert gu1.validations[SECOND].status is Status.PENDING


def test_hint_about_nothing_new_leaves_the_open_one_alone(retried, work, gu1):
    retried.hint(FIRST)
    work()
    assert (retried.standing.stage, gu1.named("cancel_validation")) == (Stage.READY, [])


def test_open_attempt_is_cancelled_again_until_gu1_answers(retried, report, gu1, work, pass_time):
    gu1.failing["cancel_validation"] = Unavailable("gu1 is down")
    report(Status.APPROVED, FIRST)
    work()
    assert gu1.validations[SECOND].status is Status.PENDING
    assert retried.onboarding.due_at is not None
    gu1.failing.clear()
    pass_time(20, 5)  # somebody may be at its hosted page
    assert gu1.validations[SECOND].status is Status.CANCELLED
    assert retried.onboarding.due_at is None


def test_open_attempt_is_left_to_gu1_for_as_long_as_it_asks_for(retried, report, gu1, work, pass_time):
    gu1.failing["cancel_validation"] = Unavailable("busy", retry_after=120)
    report(Status.APPROVED, FIRST)
    work()
    pass_time(110, 10)
    assert len(gu1.named("cancel_validation")) == 1


def test_attempt_that_gu1_does_not_cancel_is_asked_for_until_its_session_ends(retried, report, gu1, clock, work):
    gu1.failing["cancel_validation"] = Refused(400, "INVALID_STATUS")
    report(Status.APPROVED, FIRST)
    work()
    assert retried.onboarding.due_at is not None
    clock.advance(days=8)
    work()
    assert retried.onboarding.due_at is None


@pytest.mark.parametrize("failure", [NotSent("no connection"), OutcomeUnknown("lost"), Refused(404, "NOT_FOUND")])
def test_failing_look_at_an_earlier_attempt_does_not_stall_the_open_one(retried, gu1, work, failure):
    gu1.failures.append(failure)
    retried.hint(FIRST)
    work()
    assert (retried.standing.stage, retried.onboarding.stall_reason) == (Stage.READY, None)


def test_attempt_completed_before_it_could_be_cancelled_changes_nothing(retried, report, work, gu1):
    report(Status.APPROVED, FIRST)
    report(Status.REJECTED, SECOND, reason=Reason.UNDERAGE)
    work()
    assert (retried.told.status, retried.told.reason) == ("approved", None)
    assert gu1.named("cancel_validation") == []


def test_after_the_end_of_the_earlier_approval_the_next_attempt_is_the_third(retried, report, work):
    report(Status.APPROVED, FIRST)
    work()
    report(Status.EXPIRED, FIRST)
    assert (retried.told.status, retried.standing.attempts_left) == ("expired", 1)
    retried.retry(after_attempt=2)
    work()
    assert (retried.told.validation_id, retried.told.attempts) == ("validation-3", 3)


def test_retry_goes_on_with_the_attempt_that_gu1_does_not_close(retried, report, gu1, work):
    """A third beside it could be paid as well."""
    page = retried.open_hosted_page()
    gu1.failing["cancel_validation"] = Unavailable("gu1 is down")
    report(Status.APPROVED, FIRST)
    work()
    report(Status.REJECTED, FIRST, reason=Reason.DOCUMENT_EXPIRED)
    retried.retry(after_attempt=2)
    assert (retried.told.validation_id, retried.open_hosted_page()) == (SECOND, page)
    gu1.failing.clear()
    work()
    assert (len(gu1.named("create_validation")), gu1.named("cancel_validation")[1:]) == (2, [])
    assert retried.last_action == Action.RETRIED


def test_approval_of_an_earlier_attempt_counts_when_the_later_one_is_taken_back(retried, report, work):
    report(Status.APPROVED, SECOND, **ANSWERED)
    report(Status.APPROVED, FIRST)
    report(Status.REJECTED, SECOND, reason=Reason.UNDERAGE)
    work()
    assert (retried.told.status, retried.told.validation_id) == ("approved", FIRST)


def test_approval_of_an_earlier_attempt_does_not_undo_an_operators_rejection(retried, report):
    report(Status.APPROVED, SECOND, **ANSWERED)
    retried.operator.reject(retried.id, Operator("ana", "another person's document"), Reason.NOT_ELIGIBLE)
    report(Status.APPROVED, FIRST)
    assert (retried.told.status, retried.told.validation_id) == ("rejected", SECOND)


def test_second_approval_does_not_replace_the_first(retried, report):
    report(Status.APPROVED, SECOND, **ANSWERED)
    report(Status.APPROVED, FIRST)
    assert retried.told.validation_id == SECOND


def test_approval_of_another_document_does_not_end_an_open_attempt(retried, report):
    report(Status.APPROVED, FIRST, document_number=OTHER_NUMBER)
    assert (retried.standing.stage, retried.told.validation_id) == (Stage.READY, SECOND)


def test_approval_of_another_document_is_held_if_no_attempt_is_open(retried, report):
    report(Status.REJECTED, SECOND, **ANSWERED)
    report(Status.APPROVED, FIRST, document_number=OTHER_NUMBER)
    assert (retried.standing.stage, retried.told.identity_match) == (Stage.IN_REVIEW, "mismatch")


def test_approval_of_an_earlier_attempt_does_not_undo_a_stop(retried, report, onboardings, work, gu1):
    onboardings.stop(retried.id)
    report(Status.APPROVED, FIRST)
    work()
    assert (retried.standing.stage, retried.told.validation_id) == (Stage.CANCELLED, SECOND)
    assert gu1.validations[SECOND].status is Status.CANCELLED


def test_hint_about_an_earlier_attempt_does_not_undo_a_stop(retried, onboardings, work, gu1):
    onboardings.stop(retried.id)
    retried.hint(FIRST)
    work()
    assert gu1.validations[SECOND].status is Status.CANCELLED
    assert retried.onboarding.due_at is None


def test_planned_attempt_is_not_paid_for_after_an_earlier_approval(rejected, report, work, gu1):
    rejected.retry()
    report(Status.APPROVED, FIRST)
    work()
    assert len(gu1.named("create_validation")) == 1
    assert (rejected.told.status, rejected.told.attempts) == ("approved", 1)
    report(Status.EXPIRED, FIRST)
    rejected.retry()
    work()
    assert (rejected.told.validation_id, rejected.told.attempts) == (SECOND, 2)


@pytest.mark.parametrize("lost", [0, 1])
def test_approval_during_the_next_request_has_its_validation_cancelled(rejected, report, gu1, pass_time, lost):
    rejected.retry()
    gu1.lose_answers = lost

    async def approve():
        report(Status.APPROVED, FIRST)

    gu1.during["create_validation"] = approve
    pass_time(180, 30)
    assert (rejected.told.status, rejected.told.validation_id) == ("approved", FIRST)
    assert gu1.validations[SECOND].status is Status.CANCELLED
    assert len(gu1.named("create_validation")) == 2


def test_failure_of_the_attempt_that_was_left_does_not_stall_the_approval(retried, report, gu1, work, open_page):
    async def approve():
        report(Status.APPROVED, FIRST)

    gu1.failing["read_validation"] = Unavailable("gu1 is down")
    gu1.during["read_validation"] = approve
    open_page(retried)
    work()
    assert (retried.onboarding.stall_reason, retried.onboarding.failures) == (None, 0)


@pytest.fixture
def erased(app, create_for_customer, customers, onboardings, work):
    """A customer whose verdict was rejected, after the erasure."""
    invited = create_for_customer(details=some_details())
    onboardings.give_details(invited.id, None, consent=ConsentText("2026-01"))
    work()
    customers.erase("shop", invited.id)
    work()
    return Journey(app, invited.id)


def test_of_an_erased_onboarding_nothing_is_read_any_more(erased, gu1, work):
    gu1.calls.clear()
    erased.hint(FIRST)
    work()
    assert gu1.calls == []


def test_decision_of_a_person_is_final_for_the_applicant(journey, report):
    report(Status.IN_REVIEW)
    report(Status.REJECTED)
    assert (journey.standing.stage, journey.standing.is_final) == (Stage.REJECTED, True)
    assert journey.told.decided_by is Decider.PERSON
    with pytest.raises(RetryRefused):
        journey.retry()


def test_what_the_applicant_may_retry_was_decided_by_no_person(rejected):
    assert (rejected.told.decided_by, rejected.standing.may_retry) == (Decider.AUTOMATIC, True)
