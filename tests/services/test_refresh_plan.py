"""While webhooks are trusted gu1 is read rarely, else as often as ever; and what it costs if one is lost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.onboarding import StallReason
from portal.domain.polling import poll_interval
from portal.domain.status import Status
from portal.domain.timings import Timings
from portal.domain.validation import DoubleCheck
from portal.services.refresh_plan import RefreshPlan
from portal.services.webhook_trust import NoWebhookTrust
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding
from tests.services.trusted_webhooks import APPROVED, TICK

OFTEN = [*range(5, 61, 5), *range(90, 661, 30), 960, 1260, 1560, 1860]
"""Seconds after the opening at which gu1 is read without webhooks."""
RARELY = [120, 420, 720, 1020, 1320, 1620, 1920]
SECOND = timedelta(seconds=1)


@pytest.mark.long
def test_without_webhooks_reads_are_as_frequent_as_ever(pair):
    pair.opens()
    assert pair.lives(1900, is_told=False, is_watched=True) == (OFTEN, [60, 420, 1860])


@pytest.mark.long
def test_while_webhooks_come_reads_are_rare_and_syncs_as_frequent(pair):
    pair.tell()
    pair.looks()
    pair.opens()
    assert pair.lives(1950, is_watched=True) == (RARELY, [120, 420, 1920])


def test_while_nobody_looks_the_first_sync_comes_when_it_always_does(at_photos):
    assert at_photos.lives(725) == (RARELY[:3], [420])


@pytest.mark.parametrize("waited", [60, 180, 600])
@pytest.mark.parametrize("came_back", [False, True])
def test_reads_are_at_most_a_fiftieth_of_the_polls(at_photos, waited, came_back):
    if came_back:
        at_photos.returns()
    read, _synced = at_photos.lives(waited, is_watched=True)
    polls, age = 0, poll_interval(0)
    while age <= waited:
        polls, age = polls + 1, age + poll_interval(age)
    assert len(read) <= 0.02 * polls


@pytest.mark.parametrize("stayed", [20, 115, 150])
def test_whoever_comes_to_the_page_is_read_for_soon_and_not_at_once(at_photos, stayed):
    at_photos.lives(stayed)
    at_photos.looks()
    assert at_photos.lives(200)[0] == [75]


def test_whoever_comes_again_and_again_is_read_for_each_time(at_photos):
    read = []
    for visit in range(4):
        at_photos.looks()
        read += [visit * 95 + seconds for seconds in at_photos.lives(95)[0]]
    assert read == [75, 170, 265, 360]


@pytest.mark.parametrize("stayed", [20, 115, 150])
def test_whoever_is_back_from_the_photos_is_read_for_soon_and_not_at_once(at_photos, stayed):
    at_photos.lives(stayed)
    at_photos.returns()
    at_photos.looks()
    assert at_photos.lives(400, is_watched=True)[0] == [75, 375]


def test_read_that_was_planned_right_after_the_return_waits_for_the_verdict(at_photos):
    at_photos.lives(115)
    at_photos.returns()
    assert at_photos.lives(80)[0] == [75]


def test_saying_it_again_puts_nothing_off(at_photos):
    at_photos.returns()
    at_photos.lives(60)
    at_photos.returns()
    assert at_photos.lives(60)[0] == [15]


def test_what_a_webhook_had_read_before_the_return_is_read_at_once(at_photos):
    at_photos.tell(at_photos.own_id, whole=False, **APPROVED)
    at_photos.returns()
    assert at_photos.lives(TICK)[0] == [TICK]


def test_return_without_webhooks_is_read_for_at_once(pair, clock):
    pair.opens()
    clock.advance(seconds=2)
    pair.returns()
    assert pair.onboardings.get(pair.own.id).due_at == clock()


# What a lost webhook costs


@pytest.mark.parametrize("after", [0, 10, 70])
@pytest.mark.parametrize("stayed", [20, 60, 115])
def test_verdict_whose_webhook_is_lost_is_found_soon_after_the_return(at_photos, stayed, after):
    at_photos.lives(stayed)
    at_photos.returns()
    at_photos.looks()
    at_photos.lives(after, is_watched=True)
    at_photos.changes(**APPROVED)
    at_photos.lives(75 - after, is_watched=True)
    assert at_photos.is_approved


@pytest.mark.parametrize(("passed", "longest"), [(0, 120), (100, 120), (125, 300), (400, 300), (700, 300)])
def test_verdict_whose_webhook_is_lost_is_found_within_minutes_in_any_case(at_photos, passed, longest):
    at_photos.lives(passed)
    at_photos.changes(**APPROVED)
    at_photos.lives(longest)
    assert at_photos.is_approved


def test_whoever_sleeps_when_the_trust_is_lost_sleeps_on_no_longer_and_is_then_read_often(at_photos):
    at_photos.lives(125)
    at_photos.trust.lose()
    read, _synced = at_photos.lives(420, is_told=False)
    assert read == [295, 325, 355, 385, 415]


def test_silence_makes_reads_frequent_again(at_photos):
    read, _synced = at_photos.lives(1100, is_told=False)
    assert read == [120, 420, 720, *range(750, 931, 30)]


# Of what webhooks tell


class Trusting(NoWebhookTrust):
    def holds(self):
        return True


TRUSTING, DOUBTING = RefreshPlan(Timings(), Trusting()), RefreshPlan(Timings(), NoWebhookTrust())


@pytest.mark.parametrize("status", [Status.PENDING, Status.IN_PROGRESS, Status.ABANDONED])
@pytest.mark.parametrize(
    ("refreshes", "often", "rarely"),
    [(0, 5, 120), (11, 5, 120), (12, 30, 300), (31, 30, 300), (32, 300, 300), (60, 3600, 3600)],
)
def test_what_webhooks_tell_of_is_read_rarely(status, refreshes, often, rarely):
    validation = an_adopted_validation(status=status, refreshes=refreshes)
    waits = [plan.wait(an_onboarding(), validation).total_seconds() for plan in (DOUBTING, TRUSTING)]
    assert waits == [often, rarely]


UNTOLD = [
    {"status": Status.IN_REVIEW},
    {"status": Status.UNKNOWN},
    {"status": Status.APPROVED, "double_check": DoubleCheck.UNANSWERED},
    {"session_url": None},
    {"status": Status.ABANDONED, "restart_asked_at": NOW},
]


@pytest.mark.parametrize("changes", UNTOLD)
def test_what_webhooks_do_not_tell_of_is_read_as_often_as_ever(changes):
    validation = an_adopted_validation(**changes)
    onboarding = an_onboarding(validation=validation, due_at=NOW + 9 * SECOND)
    assert TRUSTING.wait(onboarding, validation) == DOUBTING.wait(onboarding, validation)
    assert TRUSTING.due_after_photos(onboarding, NOW) == NOW


def test_what_was_stopped_is_closed_as_soon_as_ever():
    assert TRUSTING.wait(an_onboarding(stopped_at=NOW), an_adopted_validation()) == timedelta(seconds=5)


def test_what_is_not_at_gu1_yet_is_due_as_ever():
    assert TRUSTING.due_after_photos(an_onboarding(validation=a_validation()), NOW) == NOW


# The waits of a page that is opened


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"due_at": NOW + 3 * SECOND}, 120),
        ({"due_at": NOW + 3 * SECOND, "sweep_at": NOW + 50 * SECOND}, 50),
        ({"due_at": NOW}, 0),
        ({"due_at": NOW + 3 * SECOND, "failures": 1, "stall_reason": StallReason.UNAVAILABLE}, 3),
    ],
)
def test_opening_begins_the_waits_anew_and_puts_nothing_else_off(changes, expected):
    opened = TRUSTING.opened(an_onboarding(**changes), an_adopted_validation(opened_at=NOW), NOW)
    assert (opened.due_at, opened.validation.opened_at) == (NOW + expected * SECOND, NOW)


@pytest.mark.parametrize(("due", "expected"), [(3, 3), (9, 5)])
def test_opening_without_trust_is_due_as_ever(due, expected):
    onboarding = an_onboarding(due_at=NOW + due * SECOND)
    assert DOUBTING.opened(onboarding, an_adopted_validation(), NOW).due_at == NOW + expected * SECOND


# What a rare refresh counts for


def test_rare_refresh_counts_for_those_that_it_stands_for():
    opened = an_adopted_validation(opened_at=NOW)
    onboarding, moments = an_onboarding(validation=opened), (4, 60, 119, 120, 420, 660, 1020)
    assert [TRUSTING.number(onboarding, opened, NOW + it * SECOND) for it in moments] == [1, 12, 13, 14, 24, 32, 33]
    assert [DOUBTING.number(onboarding, opened, NOW + it * SECOND) for it in moments] == [1] * 7


def test_news_begins_the_count_again():
    told = an_adopted_validation(opened_at=NOW, gu1_updated_at=NOW + 60 * SECOND)
    assert TRUSTING.number(an_onboarding(validation=told), told, NOW + 90 * SECOND) == 6


def test_count_never_goes_back():
    """gu1's clock may be ahead, and syncs may touch the row."""
    counted = an_adopted_validation(refreshes=20, gu1_updated_at=NOW + 600 * SECOND)
    assert TRUSTING.number(an_onboarding(validation=counted), counted, NOW) == 21


def test_news_during_a_read_is_not_counted_away(at_photos):
    async def told_meanwhile():
        at_photos.tell(at_photos.own_id, status=Status.IN_PROGRESS)

    at_photos.lives(115)
    at_photos.gu1.during["read_validation"] = told_meanwhile
    at_photos.lives(TICK)
    assert at_photos.onboardings.get(at_photos.own.id).validation.refreshes <= 1


def test_number_is_the_same_for_the_sync_and_for_the_count(at_photos):
    at_photos.lives(120)
    assert at_photos.onboardings.get(at_photos.own.id).validation.refreshes == 14


def test_waits_of_other_stages_are_left_alone():
    validation = replace(an_adopted_validation(), status=Status.REJECTED)
    assert TRUSTING.wait(an_onboarding(), validation) == DOUBTING.wait(an_onboarding(), validation)
