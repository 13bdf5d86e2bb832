"""What operators look for, among many."""

import secrets
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from portal.domain.onboarding import EntityConflict, StallReason
from portal.domain.reference import reference_of
from portal.domain.status import Status
from portal.domain.validation import REFRESHES_FOR_PAGE, DoubleCheck, IdentityMatch
from portal.services.problems import AGES, KINDS, Problem
from portal.store.onboarding_search import OnboardingSearch
from tests.databases import on_sqlite
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding

HOUR = timedelta(hours=1)


@pytest.fixture
def search(engine):
    return OnboardingSearch(engine, slice_of_ids=3)


def add_one_of_each(repository, at=NOW):
    """Each problem once, by kind, beside some that have none."""
    facts = {"due_at": None, "created_at": at, "updated_at": at}
    problems = {
        "identity": {"validation": approved(identity_match=IdentityMatch.MISMATCH)},
        "identity_unknown": {"validation": approved(identity_required=True)},
        "registry": {"validation": approved(double_check=DoubleCheck.UNANSWERED)},
        "hosted_page_refused": {
            "validation": an_adopted_validation(),
            "stall_reason": StallReason.HOSTED_PAGE_REFUSED,
        },
        "another_person": {
            "validation": a_validation(),
            "stall_reason": StallReason.DETAILS_REFUSED,
            "entity_conflict": EntityConflict.ANOTHER_PERSON,
        },
        "no_hosted_page": {"validation": an_adopted_validation(session_url=None, refreshes=REFRESHES_FOR_PAGE)},
        "overdue": {"validation": a_validation(), "due_at": NOW - HOUR},
        "unavailable": {"failures": 2, "stall_reason": StallReason.UNAVAILABLE, "due_at": NOW},
        "refused": {"failures": 2, "stall_reason": StallReason.REFUSED, "due_at": NOW},
        "asked": {"validation": approved(), "erasure_asked_at": at},
    }
    for healthy in (
        {"validation": an_adopted_validation()},
        {"validation": approved(identity_required=True, identity_match=IdentityMatch.MATCH)},
        {"validation": approved()},
        {"validation": approved(identity_match=IdentityMatch.MISMATCH), "stopped_at": NOW},
        {"validation": a_validation(), "stall_reason": StallReason.DETAILS_REFUSED, "failures": 1},
        {
            "validation": a_validation(),
            "stall_reason": StallReason.DETAILS_REFUSED,
            "entity_conflict": EntityConflict.CUIL_NEEDED,
        },
        {"validation": a_validation(), "due_at": NOW - HOUR, "lease_until": NOW + HOUR},
        {"validation": approved(), "erasure_asked_at": at, "erased_at": at},
    ):
        repository.add(an_onboarding(**facts | healthy))
    return {kind: repository.add(an_onboarding(**facts | changes)).id for kind, changes in problems.items()}


def approved(**changes):
    return an_adopted_validation(status=Status.APPROVED, **changes)


def test_a_reference_is_found_among_many(repository, search):
    ids = [repository.add(an_onboarding(id=secrets.token_urlsafe(16))).id for _ in range(10)]
    assert [search.ids_of(reference_of(it)) for it in ids] == [[it] for it in ids]


def test_an_earlier_attempt_finds_it_too(repository, search):
    first = an_adopted_validation(status=Status.REJECTED)
    added = repository.add(an_onboarding(validation=first))
    with repository.locked(added.id) as row:
        row.save(an_onboarding(id=added.id, validation=an_adopted_validation(number=2)))
    assert search.ids_of(first.gu1_id) == [added.id]
    assert [it.number for it in search.attempts_of(added.id)] == [1, 2]


def test_each_problem_is_listed_under_its_kind_and_nothing_else_is(repository, search):
    expected = add_one_of_each(repository)
    listed = {
        it.kind: it.onboarding_id for problem in Problem for it in search.list_problems(problem, now=NOW, limit=9)
    }
    assert listed == expected
    counts = search.count_problems(NOW)
    assert {it.kind: it.onboardings for it in counts if it.age == "1h"} == dict.fromkeys(expected, 1)
    assert len(counts) == len(AGES) * sum(map(len, KINDS.values()))


@pytest.mark.parametrize(("age", "name"), [(HOUR, "1h"), (2 * HOUR, "1d"), (25 * HOUR, "7d"), (200 * HOUR, "older")])
def test_they_are_counted_by_age(repository, search, age, name):
    add_one_of_each(repository, at=NOW - age)
    assert {it.age for it in search.count_problems(NOW) if it.onboardings} == {name}


def test_the_longest_waiting_come_first(repository, search):
    for hours in (1, 3, 2):
        repository.add(an_onboarding(failures=1, due_at=NOW, updated_at=NOW - hours * HOUR))
    listed = search.list_problems(Problem.FAILING, now=NOW, limit=2)
    assert [it.since for it in listed] == [NOW - 3 * HOUR, NOW - 2 * HOUR]


@on_sqlite
def test_a_time_that_cannot_be_read_hides_one_row_only(repository, search, engine):
    damaged, whole = (repository.add(an_onboarding(failures=1, due_at=NOW)).id for _ in range(2))
    with engine.begin() as connection:
        connection.execute(text("UPDATE onboardings SET updated_at = 'soon' WHERE id = :id"), {"id": damaged})
    assert [it.onboarding_id for it in search.list_problems(Problem.FAILING, now=NOW, limit=9)] == [whole]
    assert search.count_problems(NOW)


@on_sqlite
@pytest.mark.parametrize("index", ["held", "without_page", "failing"])
def test_counting_walks_through_nobody_else(search, engine, index):
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2:4]))
    search.count_problems(NOW)
    plans = []
    with engine.connect() as connection:
        for statement, parameters in list(statements):
            if statement.startswith("SELECT"):
                plans += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert any(f"_{index}" in step for step in plans)
    assert not [step for step in plans if step in {"SCAN onboardings", "SCAN validations"}]
