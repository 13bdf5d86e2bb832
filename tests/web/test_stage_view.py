from dataclasses import fields, replace
from datetime import timedelta

import pytest

from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import IdentityMatch
from portal.web.stage_view import TITLES, StageView, view_of
from tests.factories import NOW, an_adopted_validation, an_onboarding
from tests.web.stages import FINAL, WAITED_FOR, adopted, rejected, stored_as


def view(onboarding, age=0, locale="es-AR", max_attempts=3):
    return view_of(onboarding, max_attempts=max_attempts, now=NOW + timedelta(seconds=age), locale=locale)


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
    assert 0 < view(onboarding).poll_after < view(onboarding, age=1e9).poll_after <= 72


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
    an_onboarding(validation=adopted(shown_at=NOW)),
    an_onboarding(validation=adopted(shown_at=NOW, number=2)),
    an_onboarding(validation=adopted(shown_at=NOW, session_url=None)),
    an_onboarding(validation=adopted(status=Status.IN_PROGRESS)),
    an_onboarding(validation=adopted(status=Status.UNKNOWN)),
    an_onboarding(validation=adopted(status=Status.CANCELLED)),
    an_onboarding(validation=adopted(status=Status.CANCELLED), stopped_at=NOW),
    an_onboarding(validation=rejected(Reason.FACE_MISMATCH)),
    an_onboarding(validation=rejected(Reason.FACE_UNCLEAR)),
    an_onboarding(validation=rejected(Reason.FACE_UNCLEAR, number=3)),
]


def test_whatever_the_page_shows_changes_its_version():
    versions = [view(onboarding).version for onboarding in DIFFERENT]
    versions += [view(DIFFERENT[0], locale="en").version, view(DIFFERENT[0], age=60).version]
    assert len(set(versions)) == len(versions)


def test_a_hidden_change_is_no_new_version():
    onboarding = an_onboarding(**stored_as(Stage.WAITING))
    moved = replace(onboarding, fence=7, due_at=NOW, validation=replace(onboarding.validation, refreshes=9))
    assert view(moved).version == view(onboarding).version


@pytest.mark.parametrize(("number", "left"), [(1, 2), (2, 1), (3, 0), (7, 0)])
def test_attempts_are_counted_down(number, left):
    shown = view(an_onboarding(validation=rejected(number=number)))
    assert (shown.attempt, shown.attempts_left) == (number, left)
    assert shown.may_retry == bool(left)


def test_a_view_holds_nothing_of_the_person():
    names = {field.name for field in fields(StageView)}
    assert not names & {"details", "document_number", "first_name", "last_name", "email", "session_url", "entity_id"}


def test_a_held_approval_looks_other_than_a_review():
    review = an_onboarding(validation=an_adopted_validation(status=Status.IN_REVIEW))
    mismatch = an_adopted_validation(status=Status.APPROVED, identity_match=IdentityMatch.MISMATCH)
    first, second = (
        view_of(it, max_attempts=3, now=NOW, locale="en") for it in (review, an_onboarding(validation=mismatch))
    )
    assert (first.stage, second.stage) == (Stage.IN_REVIEW, Stage.IN_REVIEW)
    assert first.version != second.version
