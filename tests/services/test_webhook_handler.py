"""Webhooks at any time: before the answer that they overtake, after one that got lost, twice, late, in any order."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from portal.domain.errors import OutcomeUnknown, StoreUnavailable
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import CreationState, DoubleCheck, Observation
from portal.services.webhook_handler import VerifiedWebhook
from portal.store.locked_onboarding import LockedRow


def stage(onboarding):
    return stage_of(onboarding, max_attempts=3)


def created(gu1):
    return len(gu1.named("create_validation"))


@pytest.fixture
def handle(webhooks):
    """A verified webhook with the whole row, in a body of its own."""
    bodies = iter(range(1000))
    return lambda seen: webhooks.handle(VerifiedWebhook(seen.gu1_id, seen), str(next(bodies)).encode())


@pytest.fixture
def a_row(gu1, clock, onboardings):
    """What gu1 says of a validation that carries the current nonce of an onboarding."""

    def a_row(started, gu1_id="validation-1", status=Status.PENDING):
        return Observation(
            gu1_id=gu1_id,
            entity_id="entity-1",
            status=status,
            session_url=f"https://verify.example.com/session/{gu1_id}",
            nonce=onboardings.get(started.id).validation.nonce,
            created_at=clock(),
            updated_at=clock(),
        )

    return a_row


@pytest.fixture
def overtaken(start, work, gu1, a_row, handle):
    """A webhook arrives while the answer to the creation is still on its way; gives what came of it, too."""

    def overtaken(gu1_id="validation-1"):
        started, outcomes = start(), []

        async def webhook():
            outcomes.append(handle(a_row(started, gu1_id)))

        gu1.during["create_validation"] = webhook
        work()
        return started, outcomes

    return overtaken


def test_webhook_that_overtakes_the_answer_is_adopted(overtaken, gu1, onboardings):
    started, outcomes = overtaken()
    kept = onboardings.get(started.id)
    assert (outcomes, stage(kept), kept.validation.gu1_id) == (["adopted"], Stage.READY, "validation-1")
    assert (created(gu1), kept.failures, kept.stall_reason) == (1, 0, None)


def test_answer_that_names_a_twin_does_not_replace_the_adopted(overtaken, onboardings):
    started, _ = overtaken("validation-7")
    assert onboardings.get(started.id).validation.gu1_id == "validation-7"
    assert onboardings.open_hosted_page(started.id).endswith("/validation-7")


def test_webhook_makes_up_for_an_answer_lost_meanwhile(overtaken, gu1, onboardings, pass_time):
    gu1.lose_answers = 1
    started, _ = overtaken()
    kept = onboardings.get(started.id)
    assert (stage(kept), kept.validation.creation_state, kept.failures) == (Stage.READY, CreationState.ADOPTED, 0)
    pass_time(120, stride=15)
    assert (created(gu1), gu1.named("list_validations")) == (1, [])


def test_webhook_makes_up_for_an_answer_lost_before(begin, gu1, handle, onboardings, pass_time):
    gu1.lose_answers = 1
    started = begin()
    assert handle(gu1.validations["validation-1"]) == "adopted"
    pass_time(120, stride=15)
    assert (stage(onboardings.get(started.id)), created(gu1)) == (Stage.READY, 1)


@pytest.fixture
def sent_again(begin, gu1, pass_time):
    """gu1 created it at the first asking, but did not show it in time: now it was asked a second time."""
    gu1.lose_answers, gu1.list_shows_rows = 2, False
    started = begin()
    pass_time(75, stride=15)
    assert set(gu1.validations) == {"validation-1", "validation-2"}
    return started


@pytest.mark.parametrize("order", [("validation-1", "validation-2"), ("validation-2", "validation-1")])
def test_after_a_second_sending_the_first_heard_of_stays(sent_again, gu1, handle, onboardings, order):
    first, second = order
    assert handle(gu1.validations[first]) == "adopted"
    adopted = onboardings.get(sent_again.id)
    assert handle(gu1.becomes(second, Status.REJECTED)) == "not_ours"
    assert onboardings.get(sent_again.id) == adopted
    assert adopted.validation.gu1_id == first


def test_after_a_second_sending_nothing_is_sent_a_third_time(sent_again, gu1, handle, pass_time):
    handle(gu1.validations["validation-1"])
    pass_time(600, stride=15)
    assert created(gu1) == 2


def test_webhook_of_what_was_never_seen_is_adopted_before_the_next_sending(begin, gu1, handle, onboardings, pass_time):
    gu1.failing["create_validation"] = OutcomeUnknown("lost")
    gu1.list_shows_rows = False
    started = begin()
    pass_time(1200, stride=60)
    del gu1.failing["create_validation"]
    row = gu1.validations["validation-1"] = Observation(
        gu1_id="validation-1", status=Status.PENDING, nonce=started.validation.nonce, session_url=None
    )
    assert handle(row) == "adopted"
    kept = onboardings.get(started.id)
    assert (kept.validation.gu1_id, kept.stall_reason, stage(kept)) == ("validation-1", None, Stage.WAITING)


def test_stopped_before_the_webhook_it_is_adopted_only_to_be_cancelled(begin, gu1, handle, onboardings, pass_time):
    gu1.lose_answers = 1
    started = begin()
    onboardings.stop(started.id)
    assert handle(gu1.validations["validation-1"]) == "adopted"
    pass_time(30, stride=5)
    stopped = onboardings.get(started.id)
    assert (stage(stopped), stopped.due_at) == (Stage.CANCELLED, None)
    assert gu1.validations["validation-1"].status is Status.CANCELLED


@pytest.mark.parametrize("status", [Status.IN_PROGRESS, Status.APPROVED, Status.CANCELLED])
def test_news_of_what_was_stopped_changes_nothing_for_its_applicant(prepared, report, onboardings, work, status):
    onboardings.stop(prepared.id)
    report(status, double_check=DoubleCheck.ANSWERED)
    work()
    stopped = onboardings.get(prepared.id)
    assert (stage(stopped), stopped.due_at) == (Stage.CANCELLED, None)


def test_news_of_a_replaced_validation_reaches_only_its_own_attempt(prepared, report, handle, a_row, onboardings):
    own, twins = (a_row(prepared, gu1_id, Status.EXPIRED) for gu1_id in ("validation-1", "validation-9"))
    report(Status.REJECTED)
    planned = onboardings.retry(prepared.id, after_attempt=1)
    assert [handle(replace(it, updated_at=it.updated_at + timedelta(minutes=1))) for it in (own, twins)] == [
        "applied",
        "not_ours",
    ]
    assert onboardings.get(prepared.id) == planned


@pytest.mark.parametrize("nonce", [None, "somebody-elses"])
def test_row_without_our_nonce_is_never_adopted(start, handle, a_row, onboardings, nonce):
    started = start()
    assert handle(replace(a_row(started), nonce=nonce)) == "not_ours"
    assert onboardings.get(started.id) == started


def test_answer_between_the_two_searches_for_an_owner_loses_no_news(prepared, a_row, onboardings, clock):
    clock.advance(seconds=1)
    assert onboardings.adopt(a_row(prepared, status=Status.IN_REVIEW))
    assert stage(onboardings.get(prepared.id)) is Stage.IN_REVIEW


def test_twin_of_an_adopted_validation_is_not_adopted(prepared, handle, a_row, onboardings, clock):
    clock.advance(seconds=1)
    assert handle(a_row(prepared, "validation-2", Status.APPROVED)) == "not_ours"
    assert onboardings.get(prepared.id) == prepared


def test_short_webhook_before_the_answer_is_nobodys(start, webhooks, onboardings):
    started = start()
    assert webhooks.handle(VerifiedWebhook("validation-1"), b"short") == "not_ours"
    assert onboardings.get(started.id) == started


@pytest.fixture
def old_rows(prepared, gu1, clock):
    """All that gu1 said of it three days ago."""
    rows = []
    for status in (Status.IN_PROGRESS, Status.IN_REVIEW, Status.APPROVED, Status.REJECTED):
        clock.advance(seconds=1)
        rows.append(gu1.becomes("validation-1", status))
    clock.advance(days=3)
    return rows


@pytest.mark.long
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_webhooks_in_any_order_end_where_the_newest_does(prepared, old_rows, handle, onboardings, order):
    assert {handle(old_rows[number]) for number in [*order, *order]} == {"applied"}
    assert stage(onboardings.get(prepared.id)) is Stage.REJECTED


def test_flood_of_old_news_puts_off_no_look(prepared, gu1, clock, handle, onboardings):
    clock.advance(seconds=1)
    for _ in range(40):
        handle(gu1.validations["validation-1"])
    kept = onboardings.get(prepared.id)
    assert (kept.due_at, kept.validation.refreshes) == (prepared.due_at, prepared.validation.refreshes)


def test_whole_row_settles_without_a_look_and_a_short_one_with_it(prepared, gu1, handle, webhooks, work):
    in_review = gu1.becomes("validation-1", Status.IN_REVIEW)
    webhooks.handle(VerifiedWebhook("validation-1"), b"short")
    work()
    assert len(gu1.named("read_validation")) == 1
    assert handle(in_review) == "applied"
    work()
    assert len(gu1.named("read_validation")) == 1


def test_delivery_is_kept_with_what_it_changed_or_not_at_all(prepared, onboardings, webhooks, a_row, clock):
    clock.advance(seconds=1)
    verified = VerifiedWebhook("validation-1", a_row(prepared, status=Status.IN_PROGRESS))

    def fails(_row, _changed, _cause=None):
        raise StoreUnavailable("while it was saved")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LockedRow, "save", fails)
        with pytest.raises(StoreUnavailable):
            webhooks.handle(verified, b"the body")
    assert onboardings.get(prepared.id).validation.status is Status.PENDING
    assert [webhooks.handle(verified, b"the body") for _ in range(2)] == ["applied", "repeated"]
    assert onboardings.get(prepared.id).validation.status is Status.IN_PROGRESS
