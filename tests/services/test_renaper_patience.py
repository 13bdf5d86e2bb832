"""RENAPER's double check: what gu1 says of it is believed, and the waiting for it has an end."""

import asyncio

import pytest
from flask import Flask

from portal.app import add_services, runner_of
from portal.domain.renaper_patience import RenaperPatience
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.timings import Timings
from portal.domain.validation import DoubleCheck, IdentityMatch
from tests.databases import on_both_databases

HOUR = 3600


@pytest.fixture
def patience():
    return "24h:hold"


@pytest.fixture
def config(config, patience):
    return config.model_copy(update={"gu1_renaper_patience": RenaperPatience.parsed(patience)})


@pytest.fixture
def now(prepared, onboardings):
    """Stage, status and whether anything is still due."""

    def now():
        kept = onboardings.get(prepared.id)
        return stage_of(kept, max_attempts=3), kept.status, kept.due_at is not None

    return now


approving = pytest.mark.parametrize("patience", ["24h:approve"])
HELD = (Stage.IN_REVIEW, Status.IN_REVIEW, True)
CONFIRMING = (Stage.CONFIRMING, Status.IN_REVIEW, True)
APPROVED = (Stage.APPROVED, Status.APPROVED, False)


@pytest.fixture
def taken_up(prepared, report):
    """gu1 approved, and says that it makes the double check."""
    report(Status.APPROVED, double_check=DoubleCheck.UNANSWERED)
    return prepared.id


@pytest.fixture
def waited_out(taken_up, pass_time):
    pass_time(25 * HOUR, stride=HOUR)


@pytest.mark.parametrize("denial", [{"omits_double_check": True}, {"double_check": DoubleCheck.NOT_ASKED}])
def test_what_gu1_does_not_take_up_is_known_before_the_camera_and_holds_nothing(report, now, counted, caplog, denial):
    report(Status.PENDING, **denial)
    assert (counted("double_check_not_taken_up"), now()[0]) == (1, Stage.READY)
    assert "did not take up RENAPER's double check" in caplog.text
    report(Status.APPROVED)
    assert now() == APPROVED
    assert counted("double_check_not_taken_up") == 1


def test_an_approval_that_waits_already_is_freed_by_the_next_read(report, now, gu1, pass_time):
    report(Status.APPROVED)
    assert now() == CONFIRMING
    gu1.becomes("validation-1", Status.APPROVED, omits_double_check=True)
    pass_time(5, stride=5)
    assert now() == APPROVED


@on_both_databases
def test_hold_waits_for_somebody_and_says_so(taken_up, now, pass_time, counted, caplog):
    pass_time(23 * HOUR, stride=HOUR)
    assert (now(), counted("unconfirmed")) == (CONFIRMING, 0)
    pass_time(2 * HOUR, stride=HOUR)
    assert now() == HELD
    assert counted("unconfirmed") and "RENAPER did not answer in time" in caplog.text


@on_both_databases
@approving
def test_approve_lets_it_count_and_ends_the_reads(taken_up, now, pass_time, counted, gu1):
    pass_time(25 * HOUR, stride=HOUR)
    assert (now(), counted("approved_unconfirmed")) == (APPROVED, 1)
    reads = len(gu1.named("read_validation"))
    pass_time(48 * HOUR, stride=HOUR)
    assert len(gu1.named("read_validation")) == reads


@pytest.mark.parametrize("patience", ["90m:hold"])
def test_the_end_comes_when_the_setting_says(taken_up, now, pass_time):
    pass_time(89 * 60, stride=60)
    assert now() == CONFIRMING
    pass_time(2 * 60, stride=60)
    assert now() == HELD


@pytest.mark.long
@pytest.mark.parametrize("patience", ["24h:hold", "24h:approve"])
@pytest.mark.parametrize("status", [Status.APPROVED, Status.REJECTED])
@pytest.mark.usefixtures("waited_out")
def test_late_answer_counts(now, report, patience, status):
    report(status, double_check=DoubleCheck.ANSWERED)
    assert now()[:2] == (Stage(status.value), status)


@approving
@pytest.mark.usefixtures("waited_out")
def test_row_that_repeats_the_question_takes_no_approval_back(now, report):
    report(Status.APPROVED, double_check=DoubleCheck.UNANSWERED)
    assert now() == APPROVED


@approving
def test_patience_settles_no_doubt_about_the_document(prepared, onboardings, report, now, pass_time):
    onboardings.open_hosted_page(prepared.id)
    report(Status.APPROVED, double_check=DoubleCheck.UNANSWERED, document_number="30999999")
    pass_time(25 * HOUR, stride=HOUR)
    assert onboardings.get(prepared.id).validation.identity_match is IdentityMatch.MISMATCH
    assert now()[:2] == HELD[:2]


@pytest.mark.usefixtures("waited_out")
def test_what_was_held_counts_once_the_operator_says_approve(now, other_portal):
    assert now() == HELD
    other_portal("24h:approve", HOUR)
    assert now() == APPROVED


@pytest.fixture
def other_portal(config, clock, gu1, shared_engines):
    """The portal started again with another setting; its runner works after some seconds."""

    def other_portal(patience, seconds):
        changed = config.model_copy(update={"gu1_renaper_patience": RenaperPatience.parsed(patience)})
        again, database = Flask("again"), shared_engines["second"].connect_to(config.database_url)
        add_services(again, changed, database, clock=clock, gu1=gu1, timings=Timings())
        clock.advance(seconds=seconds)
        asyncio.run(runner_of(again).onboardings.work_until_idle())

    return other_portal


def test_stopped_while_it_waits_nothing_is_held_or_alarmed(taken_up, onboardings, now, pass_time, counted):
    onboardings.stop(taken_up)
    pass_time(26 * HOUR, stride=HOUR)
    assert now() == (Stage.CANCELLED, Status.CANCELLED, False)
    assert counted("unconfirmed") == 0
