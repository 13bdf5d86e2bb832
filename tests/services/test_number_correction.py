"""A mistyped document number: given once more, it is put right at gu1, or a new record follows; never by accident."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from portal.domain.correction import Correction
from portal.domain.errors import AnotherApplicant, CorrectionRefused, RetryRefused, Unavailable
from portal.domain.name_match import name_of
from portal.domain.onboarding import LIFETIME, ConsentText
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck, IdentityMatch
from portal.services.operator_actions import Operator
from portal.services.summary import summary_of
from portal.services.validation_plan import Policy
from tests.databases import on_both_databases, on_sqlite
from tests.factories import some_details

TYPED, VERIFIED, ANOTHER = "30111222", "30111223", "30999888"
NAMES = {"first_name": "Ana", "last_name": "Núñez"}
APPROVED = {
    "status": Status.APPROVED,
    "double_check": DoubleCheck.ANSWERED,
    "document_number": VERIFIED,
    "name": name_of("ANA MARIA", "NUNEZ"),
}
ANA = Operator("ana", "called")


class Held:
    """An onboarding whose verdict is held, because the document has another number than the typed one."""

    def __init__(self, app, onboardings, gu1, work, onboarding_id):
        self.id = onboarding_id
        self._app = app
        self._onboardings = onboardings
        self._gu1 = gu1
        self.work = work

    @property
    def store(self):
        return self._onboardings._store

    @property
    def now(self):
        return self._onboardings.get(self.id)

    @property
    def standing(self):
        return self._onboardings.standing(self.now)

    @property
    def ends(self):
        """The stage, what became of the correction, and how many validations were asked for."""
        return self.standing.stage, self.now.correction, len(self._gu1.named("create_validation"))

    @property
    def history(self):
        entries = self._app.extensions["portal"].operator_actions.show(self.id).history
        return [(it.actor, it.action, it.new_stage) for it in entries]

    @property
    def told(self):
        return summary_of(self.now, Policy(max_attempts=3, double_check_renaper=True), self.now.updated_at)

    def correct(self, number=VERIFIED, **names):
        self._onboardings.correct_number(self.id, number, **names)

    def corrected(self, number=VERIFIED, **names):
        self.correct(number, **names)
        self.work()
        return self.ends


@pytest.fixture
def hold(app, onboardings, gu1, work, report):
    def hold(onboarding, gu1_id="validation-1"):
        onboardings.open_hosted_page(onboarding.id)
        report(gu1_id=gu1_id, **APPROVED)
        work()
        return Held(app, onboardings, gu1, work, onboarding.id)

    return hold


@pytest.fixture
def held(hold, prepared):
    return hold(prepared)


@pytest.fixture
def strangers(gu1, hold, begin):
    """Held too, on a record that was there before."""
    gu1.entities["entity-9"] = (TYPED, "somebody-else")
    return hold(begin())


@pytest.fixture
def partners(create_for_customer, customers, onboardings, hold, work):
    """Held too; its details came from the partner, and the customer agreed to them."""
    invited = create_for_customer(details=some_details())
    onboardings.give_details(invited.id, None, consent=ConsentText("2026-01"))
    work()
    return hold(onboardings.get(invited.id))


DONE = (Stage.APPROVED, Correction.CORRECTED, 1)
REPLACED = (Stage.READY, Correction.REPLACED, 2)
REFUSED = (Stage.IN_REVIEW, Correction.REFUSED, 1)


# Put right at gu1


@on_both_databases
def test_corrected_at_gu1_first_and_then_the_verdict_counts_without_a_further_charge(held, gu1, work):
    assert held.standing.may_correct_number
    gu1.calls.clear()
    held.correct()
    assert (held.standing.stage, held.now.due_at is None) == (Stage.IN_REVIEW, False)
    work()
    assert [call[0] for call in gu1.calls] == ["change_tax_id", "read_entity", "read_validation"]
    assert gu1.entities["entity-1"][0] == VERIFIED
    now = held.now
    assert (held.standing.stage, now.correction, now.due_at) == (Stage.APPROVED, Correction.CORRECTED, None)
    assert (now.details, now.validation.verified_digest) == (None, None)
    assert (held.told.identity_match, held.told.correction) == (IdentityMatch.MATCH, Correction.CORRECTED)


@on_sqlite
def test_history_says_who_gave_it_and_what_came_of_it(held):
    held.corrected()
    assert held.history[-2:] == [
        ("applicant", "number_given_again", "in_review"),
        ("rule", "number_corrected", "approved"),
    ]


@on_sqlite
def test_written_as_a_tax_id_it_is_the_same_number(held, gu1):
    assert held.corrected("27301112237") == DONE
    assert gu1.entities["entity-1"][0] == "27301112237"


@on_sqlite
def test_news_that_comes_meanwhile_is_read_before_the_verdict_counts(held, gu1):
    gu1.becomes("validation-1", Status.REJECTED, reason=Reason.NOT_ELIGIBLE)
    assert held.corrected() == (Stage.REJECTED, Correction.CORRECTED, 1)


# Where gu1 keeps the number


@on_both_databases
@pytest.mark.parametrize("changes", ["refused", "ignored"])
def test_if_gu1_keeps_the_number_a_new_record_and_new_photos_follow(held, gu1, changes):
    gu1.changes_numbers = changes
    assert held.corrected() == REPLACED
    now = held.now
    assert gu1.entities[now.entity_id] == (VERIFIED, now.gu1_external_id)
    person = gu1.people[now.entity_id]
    assert (person.first_name, person.last_name) == ("Ana", "Núñez")
    assert (now.needs_photos_again, now.details) == (True, None)
    assert gu1.validations["validation-2"].entity_id == now.entity_id != "entity-1"
    assert held.history[-3:-1] == [
        ("applicant", "number_given_again", "in_review"),
        ("rule", "record_replaced", "preparing"),
    ]


@on_sqlite
def test_new_record_is_verified_like_any_other(held, gu1, onboardings, report):
    gu1.changes_numbers = "refused"
    held.corrected()
    onboardings.open_hosted_page(held.id)
    report(gu1_id="validation-2", **APPROVED)
    assert (held.ends, held.told.identity_match) == ((Stage.APPROVED, Correction.REPLACED, 2), IdentityMatch.MATCH)


@on_both_databases
@pytest.mark.parametrize("makes", ["held", "strangers"])
def test_verdict_on_the_wrong_record_counts_no_more_whatever_gu1_says_of_it(request, makes, gu1, report, work):
    wrong = request.getfixturevalue(makes)
    gu1.changes_numbers = "refused"
    wrong.corrected(**NAMES)
    for status in (Status.APPROVED, Status.REJECTED, Status.APPROVED):
        report(status, document_number=VERIFIED)
        work()
        assert wrong.ends == REPLACED


@on_both_databases
def test_record_that_was_there_before_is_somebody_elses_and_never_changed(strangers, gu1):
    assert not strangers.now.entity_is_own
    assert strangers.corrected(**NAMES) == REPLACED
    assert gu1.named("change_tax_id") == []
    assert gu1.entities["entity-9"] == (TYPED, "somebody-else")
    assert strangers.now.needs_photos_again


@on_sqlite
def test_number_that_another_record_has_leads_to_that_record(held, gu1):
    gu1.entities["entity-9"] = (VERIFIED, "somebody-else")
    assert held.corrected() == REPLACED
    assert held.now.entity_id == "entity-9"


@on_sqlite
def test_if_gu1_shows_no_name_the_details_are_asked_for_again(held, gu1, onboardings, work):
    gu1.changes_numbers, gu1.shows_names = "refused", False
    assert held.corrected() == (Stage.DETAILS, Correction.REPLACED, 1)
    assert held.now.needs_details_again
    onboardings.give_details(held.id, some_details(document_number=VERIFIED), consent=ConsentText("2026-01"))
    work()
    assert held.ends == REPLACED


# One try


@on_both_databases
def test_wrong_number_is_refused_for_good(held, gu1, work):
    gu1.calls.clear()
    assert held.corrected(ANOTHER)[:2] == REFUSED[:2]
    assert (gu1.calls, held.now.due_at, held.now.details) == ([], None, None)
    for number in (VERIFIED, ANOTHER):
        with pytest.raises(CorrectionRefused):
            held.correct(number)
    assert held.history[-1] == ("applicant", "number_refused", "in_review")


@on_sqlite
def test_number_may_be_given_once_more_only_once_whatever_came_of_it(held, gu1, onboardings, report, work):
    gu1.changes_numbers = "refused"
    held.corrected()
    onboardings.open_hosted_page(held.id)
    report(gu1_id="validation-2", **APPROVED | {"document_number": ANOTHER})
    assert held.ends == (Stage.IN_REVIEW, Correction.REPLACED, 2)
    with pytest.raises(CorrectionRefused):
        held.correct(ANOTHER)


@on_sqlite
@pytest.mark.parametrize("name", [name_of("Eva", "Pérez"), None], ids=["another", "unknown"])
def test_nobody_corrects_a_number_where_the_names_do_not_agree(prepared, hold, report, name):
    held = hold(prepared)
    report(**APPROVED | {"name": name_of("Eva", "Pérez")})
    report(**APPROVED | {"name": name})
    assert held.standing.stage is Stage.IN_REVIEW
    with pytest.raises(CorrectionRefused):
        held.correct()


@on_sqlite
def test_row_that_shows_no_name_takes_nothing_back(held, report):
    report(**APPROVED | {"name": None})
    assert held.standing.may_correct_number


@on_sqlite
def test_another_name_is_another_person_also_on_a_new_record(strangers):
    assert strangers.corrected(first_name="Eva", last_name="Pérez") == REFUSED


STATES = {
    "stopped": lambda held, app, clock: app.onboardings.stop(held.id),
    "link expired": lambda held, app, clock: clock.advance(days=LIFETIME.days),
    "released": lambda held, app, clock: app.operator_actions.release(held.id, ANA),
    "rejected": lambda held, app, clock: app.operator_actions.reject(held.id, ANA, Reason.NOT_ELIGIBLE),
    "erased": lambda held, app, clock: app.partner_onboardings.erase(None, held.id),
}


@on_sqlite
@pytest.mark.parametrize("change", STATES.values(), ids=STATES)
def test_what_is_settled_or_over_cannot_be_corrected(held, app, clock, change):
    change(held, app.extensions["portal"], clock)
    with pytest.raises(CorrectionRefused):
        held.correct()


@on_sqlite
@pytest.mark.parametrize("facts", [{}, APPROVED | {"document_number": TYPED}], ids=["open", "approved"])
def test_what_is_not_held_cannot_be_corrected(prepared, onboardings, report, facts):
    onboardings.open_hosted_page(prepared.id)
    if facts:
        report(**facts)
    with pytest.raises(CorrectionRefused):
        onboardings.correct_number(prepared.id, VERIFIED)


@on_sqlite
def test_digest_of_the_verified_number_goes_with_the_link(held, app, clock):
    clock.advance(days=LIFETIME.days, seconds=1)
    held.store.purge_details(clock() - LIFETIME, limit=10)
    assert (held.now.document_digest, held.now.validation.verified_digest) == (None, None)


@on_sqlite
def test_digest_of_the_verified_number_goes_with_an_erasure(held, app):
    app.extensions["portal"].partner_onboardings.erase(None, held.id)
    assert held.now.validation.verified_digest is None


# A partner's number


@on_both_databases
def test_person_never_corrects_a_partners_number(partners):
    assert not partners.standing.may_correct_number
    with pytest.raises(CorrectionRefused):
        partners.correct()
    assert partners.now.correction is None


@on_both_databases
def test_partner_corrects_its_number_by_sending_the_applicant_again(partners, create_for_customer, work, gu1):
    again = create_for_customer(details=some_details(document_number=VERIFIED))
    assert again.id == partners.id
    work()
    assert (partners.ends, gu1.entities["entity-1"][0]) == (DONE, VERIFIED)
    assert partners.history[-2:] == [
        ("partner", "number_given_again", "in_review"),
        ("rule", "number_corrected", "approved"),
    ]


@on_sqlite
def test_partner_may_correct_what_its_customer_typed_and_then_the_number_is_the_partners(
    create_for_customer, onboardings, hold, work
):
    invited = create_for_customer()
    work()
    onboardings.give_details(invited.id, some_details(), consent=ConsentText("2026-01"))
    work()
    held = hold(invited)
    create_for_customer(details=some_details(document_number=VERIFIED))
    work()
    assert (held.ends, held.now.given_by_partner) == (DONE, True)


@on_sqlite
def test_partners_wrong_number_is_refused_for_good_too(partners, create_for_customer):
    create_for_customer(details=some_details(document_number=ANOTHER))
    assert partners.ends == REFUSED
    with pytest.raises(AnotherApplicant):
        create_for_customer(details=some_details(document_number=VERIFIED))


@on_sqlite
def test_same_request_twice_is_one_correction(partners, create_for_customer, work):
    for _ in range(2):
        create_for_customer(details=some_details(document_number=VERIFIED))
    work()
    assert partners.ends == DONE


@on_sqlite
@pytest.mark.parametrize("change", [{"country": "CO"}, {"first_name": "Eva", "last_name": "Pérez"}])
def test_another_country_or_name_is_another_applicant_and_uses_up_nothing(partners, create_for_customer, change):
    with pytest.raises(AnotherApplicant):
        create_for_customer(details=some_details(document_number=VERIFIED, **change))
    assert partners.standing.stage is Stage.IN_REVIEW
    assert partners.now.correction is None


# Reads


@on_both_databases
def test_nothing_is_read_while_only_a_number_can_help_and_an_overturn_counts_all_the_same(held, gu1, pass_time, report):
    gu1.calls.clear()
    pass_time(3 * 24 * 3600, stride=4 * 3600)
    assert (gu1.calls, held.now.due_at) == ([], None)
    report(Status.REJECTED, reason=Reason.NOT_ELIGIBLE)
    assert held.standing.stage is Stage.REJECTED


@on_sqlite
def test_a_hint_is_followed_by_one_read(held, gu1, onboardings, work, pass_time):
    gu1.calls.clear()
    onboardings.request_refresh_of("validation-1")
    pass_time(24 * 3600, stride=4 * 3600)
    assert [call[0] for call in gu1.calls] == ["read_validation"]


@on_sqlite
def test_held_by_an_older_release_it_is_read_once_and_can_then_be_corrected(held, clock, work):
    with held.store.locked(held.id) as row:
        old = replace(row.onboarding.validation, verified_digest=None)
        row.save(replace(row.onboarding, validation=old, due_at=clock()))
    work()
    assert (held.now.due_at, held.standing.may_correct_number) == (None, True)


# Faults


class Killed(BaseException):
    pass


@on_both_databases
@pytest.mark.parametrize(("changes", "calls"), [(it, calls) for it in ("allowed", "refused") for calls in range(3)])
def test_killed_at_any_call_another_process_goes_on_to_the_same_end(held, gu1, restart, changes, calls):
    gu1.changes_numbers = changes
    gu1.calls.clear()
    held.correct()
    gu1.failures.extend([None] * calls + [Killed()])
    with pytest.raises(Killed):
        held.work()
    restart()
    assert held.ends[:2] == (DONE if changes == "allowed" else REPLACED)[:2]
    assert len(gu1.validations) == (1 if changes == "allowed" else 2)


@on_both_databases
@pytest.mark.parametrize("ends", [Unavailable("lost"), Killed()], ids=["answer lost", "killed"])
def test_change_whose_answer_is_lost_is_asked_for_again_and_leads_to_no_new_record(held, gu1, work, restart, ends):
    gu1.after_change = ends
    held.correct()
    with contextlib.suppress(Killed):
        work()
    gu1.changes_numbers = "refused"  # it has the number by now
    restart()
    assert (held.ends, len(gu1.validations)) == (DONE, 1)


@on_sqlite
def test_hung_gu1_is_asked_again_and_again_and_nothing_else_happens(held, gu1, pass_time, work):
    gu1.failing["change_tax_id"] = Unavailable("deadline")
    held.correct()
    pass_time(2 * 3600, stride=300)
    assert held.ends == (Stage.IN_REVIEW, Correction.PENDING, 1)
    gu1.failing.clear()
    pass_time(3600, stride=300)
    assert held.ends == DONE


@on_sqlite
def test_two_processes_at_once_come_to_one_end(held, gu1, work, overtake):
    gu1.changes_numbers = "refused"
    gu1.during["read_entity"] = overtake
    assert held.corrected() == REPLACED
    assert len(gu1.validations) == 2


@on_both_databases
@pytest.mark.parametrize("during", ["change_tax_id", "read_entity", "read_validation"])
def test_stopped_meanwhile_it_stays_stopped(held, gu1, onboardings, during):
    async def stop():
        await asyncio.to_thread(onboardings.stop, held.id)

    gu1.during[during] = stop
    stage, _, created = held.corrected()
    assert (stage, created, held.now.details) == (Stage.CANCELLED, 1, None)


@on_sqlite
@pytest.mark.parametrize("changes", ["allowed", "refused"])
def test_rejected_by_gu1_meanwhile_it_is_corrected_and_may_be_retried_afterwards(
    held, gu1, onboardings, report, changes
):
    gu1.changes_numbers = changes
    held.correct()
    report(Status.REJECTED, reason=Reason.FACE_MISMATCH)
    with pytest.raises(RetryRefused):
        onboardings.retry(held.id, after_attempt=1)
    held.work()
    assert (held.standing.stage, held.ends[2], held.standing.may_retry) == (Stage.REJECTED, 1, True)
    onboardings.retry(held.id, after_attempt=1)
    held.work()
    assert gu1.entities[held.now.entity_id][0] == VERIFIED
    assert len(gu1.validations) == 2


@on_sqlite
@pytest.mark.parametrize("decision", ["release", "reject"])
def test_operator_settles_it_while_gu1_is_down(app, held, gu1, pass_time, decision):
    gu1.failing["change_tax_id"] = Unavailable("deadline")
    held.corrected()
    actions = app.extensions["portal"].operator_actions
    if decision == "release":
        actions.release(held.id, ANA)
    else:
        actions.reject(held.id, ANA, Reason.NOT_ELIGIBLE)
    gu1.failing.clear()
    pass_time(3600, stride=600)
    stage = Stage.APPROVED if decision == "release" else Stage.REJECTED
    assert (held.ends, held.now.details, held.now.due_at) == ((stage, None, 1), None, None)


@on_sqlite
def test_pending_for_longer_than_the_link_it_ends(held, gu1, clock, work):
    gu1.failing["change_tax_id"] = Unavailable("deadline")
    held.corrected()
    clock.advance(days=LIFETIME.days, seconds=1)
    work()
    assert (held.now.due_at, len(gu1.validations)) == (None, 1)
