"""An operator's hands: each action writes one line of history or changes nothing, and none is paid for."""

import asyncio

import pytest

from portal.app import runner_of
from portal.domain.errors import ActionRefused, AmbiguousName, Refused, Unavailable, UnknownOnboarding
from portal.domain.onboarding import LIFETIME, StallReason
from portal.domain.reasons import Reason
from portal.domain.reference import reference_of
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck, IdentityMatch
from portal.services.operator_actions import Operator
from portal.services.problems import Problem, ProblemKind
from tests.databases import on_both_databases, on_sqlite

ANA = Operator("ana", "ticket 7")


class Desk:
    """What an operator has in front of them."""

    def __init__(self, actions, onboardings):
        self.actions = actions
        self._onboardings = onboardings

    def standing(self, onboarding):
        return self._onboardings.standing(self._onboardings.get(onboarding.id))

    def stage(self, onboarding):
        return self.standing(onboarding).stage

    def last_line(self, onboarding):
        """Of the history: who, what, from, to and why."""
        it = self.actions.show(onboarding.id).history[-1]
        return it.operator, it.action, it.old_stage, it.new_stage, it.note

    def refuses(self, action, onboarding, *arguments):
        """The action is refused, and neither the state nor the history changes."""
        before = self.actions.show(onboarding.id)
        with pytest.raises(ActionRefused):
            result = action(onboarding.id, ANA, *arguments)
            if asyncio.iscoroutine(result):
                asyncio.run(result)
        assert self.actions.show(onboarding.id) == before

    def listed(self, problem):
        return [(it.onboarding_id, it.kind) for it in self.actions.list_problems(problem, limit=10)]


@pytest.fixture
def desk(app, onboardings):
    return Desk(app.extensions["portal"].operator_actions, onboardings)


@pytest.fixture
def held(prepared, onboardings, report):
    """Approved at gu1 with another document than the typed one."""
    onboardings.open_hosted_page(prepared.id)
    report(Status.APPROVED, document_number="30999888", double_check=DoubleCheck.ANSWERED)
    return prepared


@pytest.fixture
def rejected(prepared, report):
    report(Status.REJECTED, reason=Reason.NOT_ELIGIBLE)
    return prepared


# Finding


@on_both_databases
def test_everything_that_somebody_may_call_it_finds_it(prepared, desk, create_for_customer):
    invited = create_for_customer("customer-7")
    names = [prepared.id, reference_of(prepared.id), reference_of(prepared.id).lower().replace("-", " ")]
    for name in [*names, "validation-1", "entity-1"]:
        assert desk.actions.only(name) == prepared.id
    assert desk.actions.only("customer-7") == desk.actions.only(reference_of(invited.id)) == invited.id


@on_both_databases
@pytest.mark.parametrize("name", ["", "nobody", "K7QM-4T2X", "\0", "🦆", "' OR 1=1 --"])
def test_what_nobody_is_called_is_unknown(prepared, desk, name):
    assert desk.actions.find(name) == []
    with pytest.raises(UnknownOnboarding):
        desk.actions.only(name)


@on_sqlite
def test_a_name_of_two_is_ambiguous_and_both_are_found(create_for_customer, desk):
    two = {create_for_customer("customer-7", partner=slug).id for slug in ("shop", "bank")}
    assert {it.id for it in desk.actions.find("customer-7")} == two
    with pytest.raises(AmbiguousName) as ambiguous:
        desk.actions.only("customer-7")
    assert set(ambiguous.value.onboarding_ids) == two


# Release and reject


@on_both_databases
def test_a_held_approval_is_released(held, desk, onboardings, report):
    assert desk.stage(held) is Stage.IN_REVIEW
    desk.actions.release(held.id, ANA)
    assert desk.stage(held) is Stage.APPROVED
    assert desk.last_line(held) == ("ana", "released", "in_review", "approved", "ticket 7")
    # What gu1 says again of the same document does not hold it again.
    report(Status.APPROVED, document_number="30999888")
    assert desk.stage(held) is Stage.APPROVED
    released = onboardings.get(held.id)
    assert (released.due_at, released.validation.identity_match) == (None, IdentityMatch.MISMATCH)


@on_sqlite
def test_a_silent_registry_is_released_and_its_late_no_still_counts(prepared, desk, report):
    report(Status.APPROVED)
    assert desk.stage(prepared) is Stage.CONFIRMING
    desk.actions.release(prepared.id, ANA)
    assert desk.stage(prepared) is Stage.APPROVED
    report(Status.REJECTED, reason=Reason.REGISTRY_DOCUMENT_MISMATCH)
    assert desk.stage(prepared) is Stage.REJECTED


@on_both_databases
def test_a_rejection_stands_whatever_gu1_says(held, desk, report):
    desk.actions.reject(held.id, ANA, Reason.NOT_ELIGIBLE)
    assert desk.last_line(held) == ("ana", "rejected", "in_review", "rejected", "ticket 7")
    report(Status.APPROVED, document_number="30111222")
    assert desk.stage(held) is Stage.REJECTED
    assert not desk.standing(held).may_retry


@on_sqlite
def test_an_approval_and_a_review_can_be_rejected_and_an_open_session_cannot(prepared, desk, report):
    desk.refuses(desk.actions.reject, prepared, Reason.NOT_ELIGIBLE)
    report(Status.IN_REVIEW)
    desk.actions.reject(prepared.id, ANA, Reason.UNDERAGE)
    assert desk.stage(prepared) is Stage.REJECTED
    desk.refuses(desk.actions.reject, prepared, Reason.UNDERAGE)


@on_sqlite
def test_nothing_held_is_nothing_to_release(prepared, desk, report):
    desk.refuses(desk.actions.release, prepared)
    report(Status.APPROVED, double_check=DoubleCheck.ANSWERED)
    desk.refuses(desk.actions.release, prepared)


# Cancel, allow an attempt, resume, sync, erase


@on_sqlite
def test_a_cancelled_one_is_cancelled_at_gu1_too(prepared, desk, gu1, work):
    desk.actions.cancel(prepared.id, ANA)
    assert desk.last_line(prepared) == ("ana", "cancelled", "ready", "cancelled", "ticket 7")
    work()
    assert gu1.validations["validation-1"].status is Status.CANCELLED
    assert gu1.cancel_reasons == ["Stopped by the company"]
    for action in (desk.actions.cancel, desk.actions.release, desk.actions.allow_attempt):
        desk.refuses(action, prepared)


@on_sqlite
def test_a_verdict_is_not_cancelled(rejected, desk):
    desk.refuses(desk.actions.cancel, rejected)


@on_both_databases
def test_one_more_attempt_than_the_reason_allows(rejected, desk, onboardings, gu1, work):
    assert not desk.standing(rejected).may_retry
    desk.actions.allow_attempt(rejected.id, ANA)
    assert desk.last_line(rejected)[:2] == ("ana", "attempt_allowed")
    work()
    assert len(gu1.named("create_validation")) == 1, "only the applicant opens it"
    desk.refuses(desk.actions.allow_attempt, rejected)
    onboardings.retry(rejected.id, after_attempt=1)
    work()
    assert len(gu1.named("create_validation")) == 2
    assert desk.standing(rejected).stage is Stage.READY


@on_sqlite
def test_one_more_attempt_than_the_limit(prepared, desk, onboardings, report, work):
    for number in (1, 2, 3):
        report(Status.REJECTED, f"validation-{number}", reason=Reason.FACE_MISMATCH)
        if number < 3:
            onboardings.retry(prepared.id, after_attempt=number)
            work()
    assert desk.stage(prepared) is Stage.CLOSED
    desk.actions.allow_attempt(prepared.id, ANA)
    standing = desk.standing(prepared)
    assert (standing.stage, standing.may_retry, standing.attempts_left) == (Stage.REJECTED, True, 1)
    onboardings.retry(prepared.id, after_attempt=3)
    work()
    report(Status.REJECTED, "validation-4", reason=Reason.FACE_MISMATCH)
    assert desk.stage(prepared) is Stage.CLOSED


@on_sqlite
def test_an_attempt_that_nobody_could_use_is_not_allowed(rejected, desk, clock):
    clock.advance(seconds=LIFETIME.total_seconds())
    desk.refuses(desk.actions.allow_attempt, rejected)


@on_both_databases
def test_after_a_repair_at_gu1_it_goes_on_at_once(start, desk, gu1, work, pass_time):
    gu1.failing["create_entity"] = Refused(402, "INSUFFICIENT_CREDITS")
    started = start()
    pass_time(120, stride=30)
    gu1.failing.clear()
    desk.actions.resume(started.id, ANA)
    assert desk.last_line(started) == ("ana", "resumed", "delayed", "preparing", "ticket 7")
    work()
    assert desk.stage(started) is Stage.READY


@on_sqlite
def test_resuming_pays_nothing_twice(start, desk, gu1, work, pass_time):
    gu1.lose_answers = 1
    started = start()
    work()
    for _ in range(5):
        desk.actions.resume(started.id, ANA)
        pass_time(10, stride=5)
    pass_time(120, stride=10)
    assert len(gu1.named("create_validation")) == 1


@on_sqlite
def test_refused_details_are_sent_again_only_if_they_are_there(start, desk, gu1, onboardings, work):
    gu1.failing["create_entity"] = Refused(422, "INVALID_TAX_ID", about_details=True)
    started = start()
    work()
    assert onboardings.get(started.id).stall_reason is StallReason.DETAILS_REFUSED
    gu1.failing.clear()
    desk.actions.resume(started.id, ANA)
    work()
    assert desk.stage(started) is Stage.READY


@on_sqlite
def test_what_is_over_is_not_resumed(rejected, desk):
    desk.refuses(desk.actions.resume, rejected)


@on_both_databases
def test_a_sync_finds_what_gu1_had_missed(prepared, desk, onboardings, gu1, clock):
    onboardings.open_hosted_page(prepared.id)
    clock.advance(seconds=60)
    gu1.becomes("validation-1", Status.APPROVED, double_check=DoubleCheck.ANSWERED)
    asyncio.run(desk.actions.sync(prepared.id, ANA, gu1))
    assert desk.stage(prepared) is Stage.APPROVED
    assert desk.last_line(prepared) == ("ana", "synced", "waiting", "approved", "ticket 7")


@on_sqlite
def test_a_sync_that_changes_nothing_is_a_line_too(prepared, desk, gu1):
    gu1.sync_shows_row = False
    asyncio.run(desk.actions.sync(prepared.id, ANA, gu1))
    assert desk.last_line(prepared)[1:4] == ("synced", "ready", "ready")
    assert gu1.named("read_validation")


@on_sqlite
def test_a_sync_that_fails_changes_nothing(prepared, desk, start, gu1):
    before = desk.actions.show(prepared.id)
    gu1.failing["sync_validation"] = Unavailable("busy")
    with pytest.raises(Unavailable):
        asyncio.run(desk.actions.sync(prepared.id, ANA, gu1))
    assert desk.actions.show(prepared.id) == before
    desk.refuses(lambda *arguments: desk.actions.sync(*arguments, gu1), start("form-2"))


@on_both_databases
def test_an_erasure_deletes_the_notes_before_it(rejected, desk):
    desk.actions.allow_attempt(rejected.id, Operator("ben", "spoke with Ana Núñez"))
    desk.actions.erase(rejected.id, ANA)
    lines = [(it.operator, it.action, it.note) for it in desk.actions.show(rejected.id).history]
    assert lines[-2:] == [("ben", "attempt_allowed", None), ("ana", "erased", "ticket 7")]
    for action in (
        desk.actions.erase,
        desk.actions.resume,
        desk.actions.cancel,
        desk.actions.allow_attempt,
        desk.actions.release,
    ):
        desk.refuses(action, rejected)


# Lists


@on_both_databases
def test_held_ones_are_listed_until_they_are_released(held, desk):
    assert desk.listed(Problem.HELD) == [(held.id, ProblemKind.IDENTITY)]
    desk.actions.release(held.id, ANA)
    assert desk.listed(Problem.HELD) == []


@on_both_databases
def test_the_registrys_are_held_too(prepared, desk, report):
    report(Status.APPROVED)
    assert desk.listed(Problem.HELD) == [(prepared.id, ProblemKind.REGISTRY)]


@on_both_databases
@pytest.mark.parametrize(
    "failing",
    [(Unavailable("busy"), ProblemKind.UNAVAILABLE), (Refused(401, "KEY"), ProblemKind.REFUSED)],
    ids=["unavailable", "refused"],
)
def test_failing_ones_are_listed_until_they_go_on(start, desk, gu1, work, failing):
    gu1.failing["create_entity"], kind = failing
    started = start()
    work()
    assert desk.listed(Problem.FAILING) == [(started.id, kind)]
    gu1.failing.clear()
    desk.actions.resume(started.id, ANA)
    work()
    assert desk.listed(Problem.FAILING) == []


@on_both_databases
def test_overdue_ones_are_stuck(start, desk, clock, work):
    started = start()
    assert desk.listed(Problem.STUCK) == []
    clock.advance(minutes=11)
    assert desk.listed(Problem.STUCK) == [(started.id, ProblemKind.OVERDUE)]
    work()
    assert desk.listed(Problem.STUCK) == []


@on_both_databases
def test_they_are_counted_by_kind_and_age(held, app, clock):
    runner, metrics = runner_of(app), app.extensions["portal"].metrics
    labels = 'portal_problem_onboardings{age="%s",kind="identity",problem="held"} %s'
    runner.show_queue(clock())
    assert labels % ("1h", "1.0") in metrics.page().decode()
    clock.advance(hours=2)
    runner.show_queue(clock())
    page = metrics.page().decode()
    assert labels % ("1h", "0.0") in page and labels % ("1d", "1.0") in page
    clock.advance(days=30)
    runner.show_queue(clock())
    assert labels % ("older", "1.0") in metrics.page().decode()


@on_both_databases
def test_without_a_hosted_page_it_is_stuck(start, desk, gu1, pass_time):
    gu1.session_url = None
    started = start()
    pass_time(600, stride=5)
    assert desk.listed(Problem.STUCK) == [(started.id, ProblemKind.NO_HOSTED_PAGE)]


@on_sqlite
def test_a_hosted_page_that_may_not_be_opened_is_stuck(start, desk, gu1, work):
    gu1.session_url = "https://elsewhere.example/{}"
    started = start()
    work()
    assert desk.listed(Problem.STUCK) == [(started.id, ProblemKind.HOSTED_PAGE_REFUSED)]
