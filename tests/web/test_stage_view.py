import itertools
import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from portal.domain.attempts import DEFAULT_WINDOW
from portal.domain.locales import Locale
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.standing import standing_of
from portal.domain.status import Status
from portal.domain.validation import IdentityMatch
from portal.domain.waits import Wait
from portal.services.measured_waits import STAGES as MEASURED
from portal.web.applicant.poll_version import PollVersion
from portal.web.applicant.stage_view import TITLES, StageView
from tests.factories import NOW, an_adopted_validation, an_onboarding
from tests.web.stages import FINAL, WAITED_FOR, adopted, rejected, stored_as

TEMPLATES = Path(__file__).parents[2] / "templates"


def view(onboarding, age=0, release="0" * 8, locale=Locale.ES_AR):
    now = NOW + timedelta(seconds=age)
    return StageView(
        onboarding=onboarding,
        standing=standing_of(onboarding, max_attempts=3, attempts_window=DEFAULT_WINDOW, now=now),
        now=now,
        release=release,
        locale=locale,
    )


def test_every_stage_has_a_title():
    assert set(TITLES) == set(Stage)


@pytest.mark.parametrize("stage", Stage)
def test_a_view_tells_the_stage(stage):
    shown = view(an_onboarding(**stored_as(stage)))
    assert shown.stage is stage
    assert shown.may_stop == (not stage.is_final)


@pytest.mark.parametrize("stage", FINAL)
def test_nobody_polls_at_the_end(stage):
    assert view(an_onboarding(**stored_as(stage))).poll_after is None


@pytest.mark.parametrize("stage", WAITED_FOR)
def test_everybody_polls_before_the_end(stage):
    onboarding = an_onboarding(**stored_as(stage))
    assert 0 < view(onboarding).poll_after < view(onboarding, age=1e6).poll_after <= 72


@pytest.mark.parametrize(("age", "pace"), [(0, 10), (599, 10), (3600, 60)])
def test_in_trouble_pages_ask_less_often(age, pace):
    assert view(an_onboarding(**stored_as(Stage.DELAYED)), age=age).poll_interval == pace


@pytest.mark.parametrize(("age", "pace"), [(-60, 1), (0, 1), (29, 2), (119, 3), (599, 5), (3599, 15), (3600, 60)])
def test_the_pace_slackens_and_varies_a_fifth(age, pace):
    onboarding = an_onboarding(**stored_as(Stage.PREPARING))
    polls = [view(onboarding, age=age).poll_after for _ in range(100)]
    assert all(abs(poll - pace) <= pace * 0.2 + 0.05 for poll in polls)
    assert len(set(polls)) > 3


def test_the_same_page_has_the_same_version():
    onboarding = an_onboarding(**stored_as(Stage.WAITING))
    assert view(onboarding).version == view(onboarding, age=5).version


DIFFERENT = [
    an_onboarding(validation=adopted()),
    an_onboarding(validation=adopted(opened_at=NOW)),
    an_onboarding(validation=adopted(opened_at=NOW, number=2)),
    an_onboarding(validation=adopted(opened_at=NOW, session_url=None)),
    an_onboarding(validation=adopted(status=Status.IN_PROGRESS)),
    an_onboarding(validation=adopted(status=Status.UNKNOWN)),
    an_onboarding(validation=adopted(status=Status.CANCELLED)),
    an_onboarding(validation=adopted(status=Status.CANCELLED), stopped_at=NOW),
    an_onboarding(validation=rejected(Reason.FACE_MISMATCH)),
    an_onboarding(validation=rejected(Reason.FACE_UNCLEAR)),
    an_onboarding(validation=rejected(Reason.FACE_UNCLEAR, number=3)),
]


def test_whatever_the_page_shows_is_part_of_what_is_shown():
    shown = [onboarding.visible_state for onboarding in DIFFERENT]
    assert len(set(shown)) == len(shown)


def test_settings_code_and_language_change_the_version():
    versions = [view(DIFFERENT[0], **other).version for other in ({}, {"release": "1" * 8}, {"locale": Locale.EN})]
    assert len(set(versions)) == 3


AGES = [0, 5, 9.9, 10, 29, 30, 59, 60, 119, 120, 599, 600, 3599, 3600, 86399, 86400, 6.9 * 86400, 7.1 * 86400]
UNTIMED = ("stage", "title", "pictured", "waits_long", "offers_contact", "poll_interval")


def is_current(version, onboarding, now=NOW, wait_of=lambda *_: None):
    here = {"wait_of": wait_of, "locale": Locale.ES_AR, "is_camera_blocked": False}
    return version.is_current("0" * 8, onboarding.updated_at, now, **here)


def all_shown(shown):
    waits = [it and _told(it.minutes) for it in (shown.next_try, shown.retry_opens)]
    return [*(getattr(shown, name) for name in UNTIMED), shown.standing.may_retry, shown.may_continue, *waits]


def test_a_version_is_current_only_while_the_page_stays_the_same():
    later = {"due_at": NOW + timedelta(minutes=3)}
    silent = an_onboarding(validation=rejected(Reason.REGISTRY_UNAVAILABLE))
    used_up = [an_onboarding(validation=rejected(number=number)) for number in (1, 2, 3)]
    held_back = an_onboarding(**stored_as(Stage.READY) | {"earlier_attempts": (NOW,) * 3})
    for onboarding in [silent, *used_up, held_back, *(an_onboarding(**stored_as(stage) | later) for stage in Stage)]:
        for first, age in itertools.combinations(AGES, 2):
            before, after = view(onboarding, age=first), view(onboarding, age=age)
            if is_current(before.version, onboarding, after.now):
                assert all_shown(before) == all_shown(after), (before.stage, first, age)


def test_a_page_that_may_open_the_hosted_page_is_never_current():
    ready = an_onboarding(**stored_as(Stage.READY))
    assert is_current(view(ready).version, ready)
    assert not is_current(replace(view(ready), goes_straight_on=True).version, ready)


def of_them(waits, *key):
    return waits[key]


QUICK, SLOW = Wait(60, 180), Wait(120, 600)


@pytest.mark.parametrize("stage", MEASURED)
def test_a_page_changes_with_the_wait_that_it_tells(stage):
    onboarding = an_onboarding(**stored_as(stage))
    for told, measured in itertools.product([None, QUICK, SLOW], repeat=2):
        version = replace(view(onboarding), measured_wait=told).version
        assert PollVersion.read(str(version)) == version
        measured_at = {(stage, "AR", NOW): measured}
        assert is_current(version, onboarding, wait_of=partial(of_them, measured_at)) == (told == measured)


def test_a_page_that_tells_no_wait_asks_for_none():
    held = an_onboarding(validation=adopted(status=Status.APPROVED, identity_match=IdentityMatch.MISMATCH))
    at_photos = an_onboarding(validation=adopted(opened_at=NOW))
    for onboarding in [held, at_photos, *(an_onboarding(**stored_as(it)) for it in set(Stage) - set(MEASURED))]:
        version = replace(view(onboarding), measured_wait=QUICK).version
        assert is_current(version, onboarding, wait_of=None)


def test_longer_than_usual_is_said_once_it_is():
    preparing = an_onboarding(**stored_as(Stage.PREPARING))
    unusual = {it: replace(view(preparing, age=it), measured_wait=QUICK) for it in (59, 60, 179, 180)}
    assert {it: (shown.waits_long, shown.waits_unusually_long) for it, shown in unusual.items()} == {
        59: (False, False),
        60: (True, False),
        179: (True, False),
        180: (True, True),
    }
    assert unusual[179].changes_at == (NOW + timedelta(seconds=180)).timestamp()


@pytest.mark.parametrize(
    "text", ["", "x", "1-00000000-", "1-00000000-2-other-en", "1-0000000g-2-en", "9" * 21 + "-00000000-2-en"]
)
def test_what_is_no_version_is_read_as_none(text):
    assert PollVersion.read(text) is None


@pytest.mark.parametrize("stage", Stage)
def test_a_version_is_read_back(stage):
    for blocked in (False, True):
        version = replace(view(an_onboarding(**stored_as(stage))).version, is_camera_blocked=blocked)
        assert PollVersion.read(str(version)) == version


WAITED_OUT = [Stage.PREPARING, Stage.WAITING, Stage.CONFIRMING]


@pytest.mark.parametrize("stage", WAITED_OUT)
def test_after_a_minute_nobody_is_kept_at_the_page(stage):
    onboarding = an_onboarding(**stored_as(stage))
    before, after = view(onboarding, age=59.9), view(onboarding, age=60)
    assert (before.waits_long, after.waits_long) == (False, True)
    assert before.version != after.version
    assert after.version == view(onboarding, age=119).version


@pytest.mark.parametrize("stage", FINAL)
def test_nobody_waits_at_the_end(stage):
    assert not view(an_onboarding(**stored_as(stage)), age=1e6).waits_long


def test_a_delay_tells_of_the_next_try_minute_by_minute():
    put_off = an_onboarding(**stored_as(Stage.DELAYED) | {"due_at": NOW + timedelta(seconds=130)})
    shown = [view(put_off, age=age) for age in (0, 9, 10, 69, 70, 129, 130)]
    assert [it.next_try and it.next_try.minutes for it in shown] == [3, 3, 2, 2, 1, 1, None]
    assert shown[0].next_try.at == NOW + timedelta(seconds=130)
    assert shown[0].version == shown[1].version != shown[2].version


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.DELAYED])
def test_only_a_delay_tells_of_the_next_try(stage):
    onboarding = an_onboarding(**stored_as(stage) | {"due_at": NOW + timedelta(minutes=5)})
    assert view(onboarding).next_try is None


@pytest.mark.parametrize("stage", [Stage.READY, Stage.ABANDONED])
def test_nothing_is_called_ready_that_cannot_be_opened(stage):
    onboarding = an_onboarding(**stored_as(stage))
    assert view(onboarding).title == TITLES[stage]
    assert view(onboarding, age=7 * 86400).title == TITLES[Stage.EXPIRED]


def test_a_hidden_change_is_no_new_version():
    onboarding = an_onboarding(**stored_as(Stage.WAITING))
    moved = replace(onboarding, fence=7, due_at=NOW, validation=replace(onboarding.validation, refreshes=9))
    assert moved.visible_state == onboarding.visible_state


@pytest.mark.parametrize(("number", "left"), [(1, 2), (2, 1), (3, 0), (7, 0)])
def test_attempts_are_counted_down(number, left):
    shown = view(an_onboarding(validation=rejected(number=number)))
    assert shown.attempts_left == left
    assert shown.may_retry == bool(left)


def test_templates_read_the_view_and_never_the_stored_person():
    templates = {path.name: path.read_text() for path in TEMPLATES.rglob("*.html")}
    assert [name for name, text in templates.items() if re.search(r"\b(view\.)?onboarding\.", text)] == []


def test_a_held_approval_looks_other_than_a_review():
    review = an_onboarding(validation=an_adopted_validation(status=Status.IN_REVIEW))
    mismatch = an_adopted_validation(status=Status.APPROVED, identity_match=IdentityMatch.MISMATCH)
    first, second = (view(it) for it in (review, an_onboarding(validation=mismatch)))
    assert (first.stage, second.stage) == (Stage.IN_REVIEW, Stage.IN_REVIEW)
    assert first.title != second.title


def _told(minutes):
    """Long times are told in hours."""
    return minutes if minutes <= 90 else -(-minutes // 60)
