from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.errors import Malformed, NotSent, Refused, Unavailable
from portal.domain.onboarding import StallReason
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import CreationState


def stage(onboarding):
    return stage_of(onboarding, max_attempts=3)


def test_a_form_becomes_a_hosted_page(begin, gu1, onboardings):
    started = begin()
    ready = onboardings.get(started.id)
    assert (stage(ready), ready.entity_id, ready.validation.gu1_id) == (Stage.READY, "entity-1", "validation-1")
    assert [call[0] for call in gu1.calls] == ["find_entity_by_tax_id", "create_entity", "create_validation"]


def test_gu1_gets_our_ids_with_the_validation(begin, gu1, onboardings):
    started = begin()
    (_, entity_id, double_check, metadata) = gu1.named("create_validation")[0]
    assert (entity_id, double_check) == ("entity-1", True)
    assert metadata == {"onboarding": started.id, "validation": 1, "nonce": started.validation.nonce}


def test_a_duplicate_goes_on_exactly_as_a_new_entity(begin, onboardings):
    first, second = begin(nonce="form-1"), begin(nonce="form-2")
    first, second = onboardings.get(first.id), onboardings.get(second.id)
    assert first.entity_id == second.entity_id
    assert stage(first) is stage(second) is Stage.READY
    assert (second.stall_reason, second.failures, second.details) == (None, 0, None)
    assert first.validation.gu1_id != second.validation.gu1_id


@pytest.mark.own_database_file
def test_details_are_gone_once_the_entity_exists(begin, onboardings, tmp_path):
    started = begin(last_name="Qwertyuiopas", document_number="30987123")
    assert onboardings.get(started.id).details is None
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Qwertyuiopas" not in files and b"30987123" not in files


@pytest.mark.parametrize("failure", [Unavailable("down"), Refused(401, "INVALID_API_KEY")])
def test_person_whom_gu1_never_took_is_over_with_the_link(begin, gu1, onboardings, pass_time, failure):
    gu1.failing["create_entity"] = failure
    started = begin()
    pass_time(30 * 24 * 3600, stride=10 * 24 * 3600)
    asked = len(gu1.calls)
    pass_time(1200, stride=600)
    assert (onboardings.get(started.id).due_at, len(gu1.calls)) == (None, asked)


@pytest.mark.parametrize("failure", [NotSent("no connection"), Unavailable("busy")])
def test_a_failed_validation_is_sent_again_by_itself(begin, gu1, onboardings, pass_time, failure):
    gu1.failing["create_validation"] = failure
    started = begin()
    put_off = onboardings.get(started.id)
    assert (put_off.validation.creation_state, put_off.stall_reason) == (CreationState.PLANNED, StallReason.UNAVAILABLE)
    gu1.failing.clear()
    pass_time(2)
    assert stage(onboardings.get(started.id)) is Stage.READY


def test_gu1_down_for_an_hour_delays_and_then_goes_on(begin, gu1, onboardings, pass_time):
    gu1.failing["create_entity"] = NotSent("no connection")
    started = begin()
    assert stage(onboardings.get(started.id)) is Stage.PREPARING
    pass_time(3600, stride=30)
    assert stage(onboardings.get(started.id)) is Stage.DELAYED
    gu1.failing.clear()
    pass_time(61, stride=61)
    ready = onboardings.get(started.id)
    assert (stage(ready), ready.stall_reason, ready.failures) == (Stage.READY, None, 0)


def test_retry_after_is_kept(begin, gu1, onboardings, pass_time):
    gu1.failing["create_validation"] = Unavailable("busy", retry_after=100)
    started = begin()
    gu1.failing.clear()
    pass_time(99, stride=33)
    assert len(gu1.named("create_validation")) == 1
    assert stage_of(onboardings.get(started.id), max_attempts=3) is Stage.DELAYED
    pass_time(22, stride=22)
    assert len(gu1.named("create_validation")) == 2


@pytest.mark.parametrize("operation", ["create_entity", "create_validation"])
def test_refused_configuration_is_an_error_for_the_operator(begin, gu1, onboardings, caplog, operation):
    gu1.failing[operation] = Refused(401, "INVALID_API_KEY")
    started = begin()
    refused = onboardings.get(started.id)
    assert (refused.stall_reason, stage(refused)) == (StallReason.REFUSED, Stage.DELAYED)
    assert [record.levelname for record in caplog.records if record.levelname != "INFO"] == ["ERROR"]


def test_mended_configuration_lets_it_go_on_by_itself(begin, gu1, onboardings, pass_time):
    gu1.failing["create_validation"] = Refused(402, "NO_CREDIT")
    started = begin()
    pass_time(120, stride=15)
    assert len(gu1.named("create_validation")) == 3
    gu1.failing.clear()
    pass_time(120, stride=30)
    assert stage(onboardings.get(started.id)) is Stage.READY


def test_refused_details_are_for_the_applicant_and_call_nobody(begin, gu1, onboardings, pass_time):
    gu1.failing["create_entity"] = Refused(400, "INVALID_TAX_ID", about_details=True)
    started = begin()
    refused = onboardings.get(started.id)
    assert (stage(refused), refused.due_at) == (Stage.DETAILS, None)
    pass_time(3600, stride=600)
    assert len(gu1.named("create_entity")) == 1


def test_an_unreadable_answer_about_the_entity_finds_it_again(begin, gu1, onboardings, pass_time):
    gu1.failing["create_entity"] = Malformed("what is this")
    started = begin()
    gu1.entities["entity-7"] = ("30111222", started.id)
    pass_time(2)
    assert onboardings.get(started.id).entity_id == "entity-7"
    assert len(gu1.named("create_entity")) == 1


def test_a_bug_in_a_step_is_logged_and_tried_again(begin, gu1, onboardings, pass_time):
    gu1.failing["create_entity"] = ZeroDivisionError()
    started = begin()
    gu1.failing.clear()
    pass_time(2)
    assert stage(onboardings.get(started.id)) is Stage.READY


def test_reading_becomes_rarer_while_nothing_changes(prepared, gu1, pass_time):
    pass_time(60, stride=5)
    assert len(gu1.named("read_validation")) == 12
    pass_time(600, stride=5)
    assert len(gu1.named("read_validation")) == 32
    pass_time(600, stride=5)
    assert len(gu1.named("read_validation")) == 34


def test_a_change_brings_the_quick_looks_back(prepared, gu1, report, onboardings, pass_time):
    pass_time(300, stride=5)
    assert onboardings.get(prepared.id).validation.refreshes > 12
    report(Status.IN_PROGRESS)
    before = len(gu1.named("read_validation"))
    pass_time(30, stride=5)
    assert len(gu1.named("read_validation")) == before + 6


def test_a_verdict_ends_the_reading(begin, gu1, onboardings, pass_time):
    started = begin(country="BR", document_number="52998224725")
    gu1.becomes("validation-1", Status.APPROVED)
    pass_time(5, stride=5)
    assert onboardings.get(started.id).due_at is None
    pass_time(7200, stride=600)
    assert len(gu1.named("read_validation")) == 1


def test_a_hint_is_followed_by_a_look_at_once(prepared, gu1, onboardings, work, clock):
    clock.advance(seconds=1)
    work()
    assert gu1.named("read_validation") == []
    onboardings.request_refresh_of("validation-1")
    work()
    assert len(gu1.named("read_validation")) == 1


def test_a_hint_during_a_look_is_not_overwritten(prepared, gu1, onboardings, pass_time, clock):
    async def hint():
        clock.advance(seconds=1)
        onboardings.request_refresh(prepared.id)

    gu1.during["read_validation"] = hint
    pass_time(5, stride=5)
    assert len(gu1.named("read_validation")) == 2


def test_news_during_a_look_outlives_the_older_answer(prepared, gu1, onboardings, pass_time, clock):
    old = gu1.validations["validation-1"]

    async def verdict():
        clock.advance(seconds=1)
        onboardings.observe(replace(old, status=Status.REJECTED, updated_at=clock()))

    gu1.during["read_validation"] = verdict
    pass_time(5, stride=5)
    seen = onboardings.get(prepared.id)
    assert (stage(seen), seen.due_at) == (Stage.REJECTED, None)


def test_retry_during_a_look_does_not_take_the_old_validation(prepared, gu1, onboardings, pass_time, clock):
    async def rejected_and_retried():
        clock.advance(seconds=1)
        onboardings.observe(gu1.becomes("validation-1", Status.REJECTED))
        onboardings.retry(prepared.id, after_attempt=1)

    gu1.during["read_validation"] = rejected_and_retried
    pass_time(5, stride=5)
    again = onboardings.get(prepared.id)
    assert (again.validation.gu1_id, stage(again)) == ("validation-2", Stage.READY)


@pytest.mark.parametrize("operation", ["create_entity", "create_validation"])
def test_stopped_during_a_call_ends_cancelled_at_gu1_too(start, gu1, onboardings, pass_time, operation):
    started = start()

    async def stop():
        onboardings.stop(started.id)

    gu1.during[operation] = stop
    pass_time(40, stride=10)
    stopped = onboardings.get(started.id)
    assert (stage(stopped), stopped.due_at) == (Stage.CANCELLED, None)
    assert all(it.status is Status.CANCELLED for it in gu1.validations.values())


def test_a_lost_claim_writes_nothing(start, work, gu1, onboardings, overtake):
    started = start()
    gu1.during["create_entity"] = overtake
    work()
    creates = [call[0] for call in gu1.calls if call[0].startswith("create")]
    assert creates == ["create_entity", "create_entity", "create_validation"]
    kept = onboardings.get(started.id)
    assert (stage(kept), kept.fence, len(gu1.validations)) == (Stage.READY, 2, 1)


def test_the_claim_is_given_back_after_each_step(prepared, onboardings, pass_time):
    assert prepared.lease_until is None
    pass_time(5, stride=5)
    assert onboardings.get(prepared.id).lease_until is None


def test_an_unanswered_cancellation_is_sent_again(prepared, gu1, onboardings, work, pass_time):
    gu1.failing["cancel_validation"] = Unavailable("busy")
    onboardings.stop(prepared.id)
    work()
    gu1.failing.clear()
    pass_time(2)
    stopped = onboardings.get(prepared.id)
    assert (stopped.validation.status, gu1.validations["validation-1"].status) == (Status.CANCELLED, Status.CANCELLED)
    assert stopped.due_at is None
    assert gu1.cancel_reasons == ["Stopped by the applicant"]


def test_nothing_is_paid_once_the_link_has_ended(begin, gu1, onboardings, pass_time, clock):
    gu1.failing["create_validation"] = Unavailable("down")
    started = begin()
    with onboardings._store.locked(started.id) as row:
        row.save(replace(row.onboarding, link_expires_at=clock.now + timedelta(minutes=5)))
    pass_time(600)
    gu1.failing.clear()
    sent = len(gu1.named("create_validation"))
    pass_time(24 * 3600)
    assert len(gu1.named("create_validation")) == sent
    with onboardings._store.locked(started.id) as row:
        row.save(row.onboarding.with_new_link(clock.now, row.onboarding.ends_at))
    pass_time(1)
    assert stage(onboardings.get(started.id)) is Stage.READY
