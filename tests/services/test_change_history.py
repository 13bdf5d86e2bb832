"""Every change of status or stage is in the history, with who made it; the history never disagrees with the state."""

from itertools import pairwise

import pytest

from portal.domain.errors import OutcomeUnknown, Refused, Unavailable
from portal.domain.onboarding import ConsentText
from portal.domain.reasons import Reason
from portal.domain.status import Status
from portal.domain.validation import SESSION_LIFE, DoubleCheck
from portal.store.history import History
from tests.databases import on_both_databases, on_sqlite


@pytest.fixture
def history(config, shared_engines, app):
    engine = shared_engines["test"].connect_to(config.database_url)
    yield History(engine)
    engine.dispose()


@pytest.fixture
def entries(history, onboardings):
    """The history of an onboarding, after checking that it agrees with itself and with what is stored."""

    def entries(onboarding):
        found = history.newest_entries(onboarding.id, limit=100)
        stored = onboardings.get(onboarding.id)
        assert (found[0].old_status, found[0].old_stage) == (None, None)
        for earlier, later in pairwise(found):
            assert (earlier.new_status, earlier.new_stage) == (later.old_status, later.old_stage)
            assert earlier.at <= later.at
        assert (found[-1].new_status, found[-1].new_stage) == (stored.status, onboardings.standing(stored).stage)
        return found

    return entries


@pytest.fixture
def told(entries):
    """Who did what, and the stage that followed."""
    return lambda onboarding: [(it.actor, it.action, it.new_stage) for it in entries(onboarding)]


@on_both_databases
def test_a_journey_in_order(prepared, onboardings, report, told, entries):
    onboardings.open_hosted_page(prepared.id)
    report(Status.IN_PROGRESS)
    report(Status.REJECTED, reason=Reason.FACE_MISMATCH)
    assert told(prepared) == [
        ("applicant", "created", "preparing"),
        ("gu1", "validation_created", "ready"),
        ("applicant", "hosted_page_opened", "waiting"),
        ("gu1", "reported", "waiting"),
        ("gu1", "reported", "rejected"),
    ]
    last = entries(prepared)[-1]
    assert (last.old_status, last.new_status, last.reason, last.attempt) == (
        "in_progress",
        "rejected",
        "face_mismatch",
        1,
    )


@on_sqlite
def test_a_retry_is_the_applicants(prepared, onboardings, report, told, work):
    report(Status.REJECTED, reason=Reason.FACE_MISMATCH)
    onboardings.retry(prepared.id, after_attempt=1)
    work()
    assert told(prepared)[-2:] == [("applicant", "retried", "preparing"), ("gu1", "validation_created", "ready")]


@on_sqlite
def test_after_a_review_a_person_decided(prepared, report, told):
    report(Status.IN_REVIEW)
    report(Status.APPROVED)
    assert told(prepared)[-2:] == [("gu1", "reported", "in_review"), ("person", "decided", "confirming")]


@on_sqlite
def test_a_stop_is_the_last_word_though_gu1_cancels_later(prepared, onboardings, told, work):
    onboardings.stop(prepared.id)
    work()
    assert told(prepared)[-1] == ("applicant", "stopped", "cancelled")


@on_sqlite
def test_a_session_that_gu1_leaves_open_is_closed_by_rule(prepared, clock, report, told, work):
    report(Status.ABANDONED)
    clock.advance(seconds=SESSION_LIFE.total_seconds() + 60)
    work()
    assert told(prepared)[-1] == ("rule", "session_expired", "expired")


@on_sqlite
def test_delays_come_and_go_by_rule(start, gu1, told, pass_time):
    gu1.failing["create_entity"] = Unavailable("busy")
    started = start()
    pass_time(60, stride=10)
    assert told(started)[-1] == ("rule", "stalled", "delayed")
    gu1.failing.clear()
    pass_time(900, stride=60)
    assert ("rule", "recovered", "preparing") in told(started)
    assert told(started)[-1] == ("gu1", "validation_created", "ready")


@on_sqlite
def test_refused_details_are_given_again(start, gu1, onboardings, told, work):
    gu1.failing["create_entity"] = Refused(422, "INVALID_TAX_ID", about_details=True)
    started = start()
    work()
    assert told(started)[-1] == ("rule", "stalled", "details")
    onboardings.give_details(started.id, onboardings.get(started.id).details, consent=ConsentText("2026-01"))
    assert told(started)[-1] == ("applicant", "details_given", "preparing")


@on_both_databases
def test_a_partners_customer(create_for_customer, customers, told, work):
    invited = create_for_customer()
    assert create_for_customer().id == invited.id
    work()
    assert told(invited) == [("partner", "created", "details")]
    customers.erase("shop", invited.id)
    assert told(invited)[-1] == ("partner", "erased", "cancelled")


@on_sqlite
def test_what_changes_nothing_that_counts_is_no_entry(prepared, open_page, told, pass_time):
    before = told(prepared)
    open_page(prepared)
    pass_time(120, stride=5)
    assert told(prepared) == before


@on_sqlite
def test_a_lost_answer_is_one_line(start, gu1, told, pass_time):
    gu1.lose_answers = 1
    started = start()
    pass_time(120, stride=10)
    assert [it for it in told(started) if it[1] == "validation_created"] == [("gu1", "validation_created", "ready")]
    assert told(started)[-1] == ("gu1", "validation_created", "ready")


@on_sqlite
def test_what_is_rolled_back_has_no_entry(prepared, onboardings, app, told):
    before = told(prepared)
    store = onboardings._store
    with pytest.raises(OutcomeUnknown), store.locked(prepared.id) as row:
        row.save(row.onboarding.without_personal_data)
        raise OutcomeUnknown
    assert told(prepared) == before


def test_a_reviewer_who_approves_an_earlier_attempt(prepared, onboardings, report, told, work):
    report(Status.REJECTED, double_check=DoubleCheck.ANSWERED)
    onboardings.retry(prepared.id, after_attempt=1)
    work()
    report(Status.APPROVED, "validation-1", double_check=DoubleCheck.ANSWERED)
    assert told(prepared)[-1][:2] == ("person", "decided")
