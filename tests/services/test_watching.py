import pytest

from portal.domain.errors import Malformed, OutcomeUnknown, Refused, Unavailable
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck


@pytest.fixture
def shown(prepared, onboardings, open_page):
    """At the hosted page, with the portal's own page still open in another tab."""
    open_page(prepared)
    assert onboardings.open_hosted_page(prepared.id)
    return onboardings.get(prepared.id)


def syncs(gu1):
    return len(gu1.named("sync_validation"))


def reads(gu1):
    return len(gu1.named("read_validation"))


def test_coming_to_look_has_gu1_looked_at_now(prepared, open_page, clock, onboardings):
    clock.advance(seconds=2)
    open_page(prepared)
    kept = onboardings.get(prepared.id)
    assert (kept.watched_at, kept.due_at) == (clock(), clock())


def test_staying_at_the_page_leaves_the_pace_alone(prepared, open_page, pass_time, onboardings, gu1):
    open_page(prepared)
    pass_time(1)
    due_at = onboardings.get(prepared.id).due_at
    for _ in range(4):
        open_page(prepared)
        pass_time(1)
    assert (onboardings.get(prepared.id).due_at, reads(gu1)) == (due_at, 1)


def test_watching_is_noted_every_half_minute_at_most(prepared, open_page, clock, onboardings):
    open_page(prepared)
    first = clock()
    clock.advance(seconds=29)
    open_page(prepared)
    assert onboardings.get(prepared.id).watched_at == first
    clock.advance(seconds=2)
    open_page(prepared)
    assert onboardings.get(prepared.id).watched_at == clock()


def test_who_looks_at_a_verdict_makes_no_work(prepared, report, open_page, onboardings):
    report(Status.REJECTED)
    settled = onboardings.get(prepared.id)
    open_page(prepared)
    assert onboardings.get(prepared.id) == settled


def test_looking_does_not_hasten_the_second_sending(begin, gu1, open_page, pass_time):
    gu1.failing["create_validation"] = OutcomeUnknown("lost")
    started = begin()
    pass_time(60, stride=60)
    open_page(started)
    pass_time(14, stride=7)
    assert len(gu1.named("list_validations")) == 1
    pass_time(1)
    assert len(gu1.named("create_validation")) == 2


def test_long_without_news_gu1_asks_the_provider(shown, gu1, pass_time):
    pass_time(55, stride=5)
    assert syncs(gu1) == 0
    pass_time(5, stride=5)
    assert (syncs(gu1), reads(gu1)) == (1, 11)


def test_news_begins_the_count_again(shown, gu1, report, pass_time):
    pass_time(50, stride=5)
    report(Status.IN_PROGRESS)
    pass_time(50, stride=5)
    assert syncs(gu1) == 0


def sync_shows(gu1, status, **facts):
    """What gu1 did not know before."""

    async def provider_answers():
        gu1.becomes("validation-1", status, **facts)

    gu1.during["sync_validation"] = provider_answers


def test_what_the_provider_knew_is_applied(shown, gu1, onboardings, pass_time):
    pass_time(55, stride=5)
    sync_shows(gu1, Status.REJECTED)
    pass_time(5, stride=5)
    assert stage_of(onboardings.get(shown.id), max_attempts=3) is Stage.REJECTED
    assert reads(gu1) == 11


def test_sync_without_a_row_is_followed_by_a_read(shown, gu1, pass_time):
    gu1.sync_shows_row = False
    pass_time(60, stride=5)
    assert (syncs(gu1), reads(gu1)) == (1, 12)


@pytest.mark.parametrize("failure", [Refused(400, "NO_SESSION"), Unavailable("provider down"), Malformed("what?")])
def test_failed_sync_falls_back_to_the_read(shown, gu1, onboardings, pass_time, failure):
    gu1.failing["sync_validation"] = failure
    pass_time(55, stride=5)
    gu1.becomes("validation-1", Status.IN_REVIEW)
    pass_time(5, stride=5)
    kept = onboardings.get(shown.id)
    assert (syncs(gu1), kept.validation.status, kept.failures, kept.stall_reason) == (1, Status.IN_REVIEW, 0, None)


@pytest.mark.long
def test_while_nobody_looks_gu1_asks_the_provider_rarely(shown, gu1, clock, pass_time):
    clock.advance(seconds=91)
    pass_time(600, stride=5)
    assert syncs(gu1) == 1
    pass_time(3 * 3600, stride=60)
    assert syncs(gu1) == 2
    pass_time(3 * 24 * 3600, stride=1200)
    assert syncs(gu1) == 5


def test_who_finished_and_closed_the_page_gets_the_verdict_that_gu1_missed(shown, gu1, clock, onboardings, pass_time):
    clock.advance(seconds=91)
    sync_shows(gu1, Status.APPROVED, double_check=DoubleCheck.ANSWERED)
    pass_time(600, stride=5)
    assert stage_of(onboardings.get(shown.id), max_attempts=3) is Stage.APPROVED


def test_nothing_is_synchronised_that_was_never_opened(prepared, gu1, open_page, pass_time):
    for _ in range(10):
        open_page(prepared)
        pass_time(60, stride=5)
    assert (syncs(gu1), reads(gu1) > 12) == (0, True)


def test_nothing_is_synchronised_without_a_provider_session(begin, gu1, open_page, onboardings, pass_time):
    gu1.lose_answers = 1
    started = begin()
    gu1.becomes("validation-1", Status.PENDING, session_id=None)
    pass_time(60, stride=60)
    assert onboardings.open_hosted_page(started.id)
    for _ in range(10):
        open_page(started)
        pass_time(60, stride=5)
    assert (syncs(gu1), reads(gu1) > 12) == (0, True)


def test_expiry_that_a_sync_shows_needs_no_second_sync(shown, gu1, onboardings, pass_time):
    pass_time(55, stride=5)
    sync_shows(gu1, Status.EXPIRED)
    pass_time(5, stride=5)
    assert stage_of(onboardings.get(shown.id), max_attempts=3) is Stage.EXPIRED
    assert syncs(gu1) == 1
