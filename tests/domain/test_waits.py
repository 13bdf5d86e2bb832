from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import IdentityMatch
from portal.domain.waits import ENOUGH, FinishedWait, Wait, finished_wait, wait_of
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding

MINUTE, HOUR, DAY = 60, 3600, 86400
AT_PHOTOS = {"opened_at": NOW - timedelta(minutes=5)}
RETURNED = AT_PHOTOS | {"returned_at": NOW - timedelta(seconds=40)}


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ([0] * ENOUGH, Wait(10, 10)),
        ([7] * 26 + [95] * 4, Wait(10, 2 * MINUTE)),
        ([55] * 20 + [170] * 10, Wait(MINUTE, 3 * MINUTE)),
        ([90] * 200, Wait(2 * MINUTE, 2 * MINUTE)),
        ([3 * HOUR] * 150 + [DAY] * 50, Wait(3 * HOUR, DAY)),
        ([70] * 200, Wait(MINUTE, 2 * MINUTE)),
        ([9 * DAY] * 200, None),
        ([40] * (ENOUGH - 1), None),
    ],
)
def test_waits_are_told_in_steps_that_a_person_would_name(seconds, told):
    assert wait_of(seconds) == told


def test_small_changes_do_not_change_what_is_told():
    told = {wait_of([it] * 150 + [4 * it] * 50) for it in range(46, 75)}
    assert len(told) <= 2


def ended(old, new, before, after, began=NOW - timedelta(seconds=90)):
    was, it = an_onboarding(validation=before), an_onboarding(validation=after)
    return finished_wait(was, it, old=old, new=new, began=began, now=NOW)


APPROVED = an_adopted_validation(status=Status.APPROVED)
IN_REVIEW = an_adopted_validation(status=Status.IN_REVIEW)


@pytest.mark.parametrize(
    ("old", "new", "before", "after", "seconds"),
    [
        (Stage.PREPARING, Stage.READY, a_validation(), an_adopted_validation(), 90),
        (Stage.PREPARING, Stage.DELAYED, a_validation(), a_validation(), None),
        (Stage.WAITING, Stage.APPROVED, an_adopted_validation(**RETURNED), APPROVED, 40),
        (Stage.WAITING, Stage.IN_REVIEW, an_adopted_validation(**RETURNED), IN_REVIEW, 40),
        (Stage.WAITING, Stage.APPROVED, an_adopted_validation(**AT_PHOTOS), APPROVED, None),
        (Stage.WAITING, Stage.ABANDONED, an_adopted_validation(**RETURNED), a_validation(), None),
        (Stage.CONFIRMING, Stage.APPROVED, APPROVED, APPROVED, 90),
        (Stage.IN_REVIEW, Stage.APPROVED, IN_REVIEW, APPROVED, 90),
        (Stage.IN_REVIEW, Stage.APPROVED, replace(APPROVED, identity_match=IdentityMatch.MISMATCH), APPROVED, None),
        (Stage.READY, Stage.APPROVED, APPROVED, APPROVED, None),
        (None, Stage.PREPARING, None, a_validation(), None),
    ],
)
def test_only_what_ended_as_its_page_promised_counts(old, new, before, after, seconds):
    assert ended(old, new, before, after) == (FinishedWait(seconds, "AR") if seconds else None)


def test_without_a_begin_or_a_country_nothing_counts():
    assert ended(Stage.CONFIRMING, Stage.APPROVED, APPROVED, APPROVED, began=None) is None
    unknown = an_onboarding(validation=APPROVED, country=None)
    assert finished_wait(unknown, unknown, old="confirming", new="approved", began=NOW, now=NOW) is None
