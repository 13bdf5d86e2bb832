"""Whoever came has gu1 looked at now, or soon where its webhooks tell: the same cases as in the domain."""

from datetime import timedelta

import pytest

from portal.domain.onboarding import StallReason
from portal.domain.status import Status
from portal.domain.validation import CreationState
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding

LATER, SOON, SECOND = NOW + timedelta(minutes=5), NOW + timedelta(seconds=75), timedelta(seconds=1)
CASES = [
    *(an_adopted_validation(status=status) for status in Status),
    *(
        an_adopted_validation(status=status, **changes)
        for status in (Status.PENDING, Status.ABANDONED)
        for changes in (
            {"session_url": None},
            {"creation_state": CreationState.SENT},
            {"restart_asked_at": NOW},
            {"restart_asked_at": NOW, "restart_refused_at": NOW},
        )
    ),
    a_validation(),
]


def test_what_webhooks_tell_of_is_hastened_less(repository):
    kept = [repository.add(an_onboarding(validation=it, due_at=LATER)) for it in CASES]
    repository.record_views([it.id for it in kept], [it.id for it in kept], NOW, SOON)
    due = {it.id: repository.get(it.id).due_at for it in kept}
    assert due == {it.id: SOON if it.validation.is_told_by_webhooks else NOW for it in kept}
    assert list(due.values()).count(SOON) == 3 + 2


def test_without_a_time_for_those_all_are_due_now(repository):
    kept = [repository.add(an_onboarding(validation=it, due_at=LATER)) for it in CASES]
    repository.record_views([it.id for it in kept], [it.id for it in kept], NOW)
    assert {repository.get(it.id).due_at for it in kept} == {NOW}


def test_only_the_current_validation_counts(repository):
    told, number_two = an_adopted_validation(), an_adopted_validation(number=2, status=Status.APPROVED)
    kept = repository.add(an_onboarding(validation=told, due_at=LATER))
    with repository.locked(kept.id) as row:
        row.save(an_onboarding(id=kept.id, submission=kept.submission, validation=number_two, due_at=LATER))
    repository.record_views([kept.id], [kept.id], NOW, SOON)
    assert repository.get(kept.id).due_at == NOW


@pytest.mark.parametrize(
    ("changes", "due_at"),
    [
        ({"due_at": NOW + SECOND}, SOON),
        ({"due_at": NOW}, NOW),
        ({"due_at": NOW - SECOND}, NOW - SECOND),
        ({"due_at": None}, None),
        ({"due_at": LATER, "stopped_at": NOW}, NOW),
        ({"due_at": LATER, "failures": 1}, LATER),
        ({"due_at": LATER, "stall_reason": StallReason.HOSTED_PAGE_REFUSED}, LATER),
    ],
)
def test_nothing_else_is_put_off(repository, changes, due_at):
    kept = repository.add(an_onboarding(validation=an_adopted_validation(), **changes))
    repository.record_views([kept.id], [kept.id], NOW, SOON)
    assert repository.get(kept.id).due_at == due_at
