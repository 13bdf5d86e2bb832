"""Keys come and go: what one of them sealed is never lost, and never in the way of reading or erasing."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.domain.sealed import SealedDetails, SealedText, SealedValue
from portal.domain.status import Status
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from portal.store.sealed_values import SealedValues
from tests.databases import on_both_databases
from tests.factories import NOW, an_adopted_validation, an_onboarding, some_details

LEASE = NOW + timedelta(seconds=30)


@pytest.fixture
def with_keys(engine):
    return lambda *keys: Repository(engine, ColumnCipher(keys))


@pytest.fixture
def sealed(engine):
    def sealed():
        with engine.connect() as connection:
            found = [
                *connection.scalars(text("SELECT details_sealed FROM onboardings ORDER BY id")),
                *connection.scalars(text("SELECT session_url_sealed FROM validations ORDER BY onboarding_id")),
            ]
        return [bytes(it) for it in found if it is not None]

    return sealed


def one_with_everything(**changes):
    validation = an_adopted_validation(session_url="https://verify.example/s", session_id="s", **changes)
    return an_onboarding(details=some_details(), validation=validation, due_at=NOW)


def test_what_no_key_opens_is_read_changed_and_erased_all_the_same(with_keys, sealed):
    added, before = with_keys("old").add(one_with_everything()), sealed()
    repository = with_keys("new")
    read = repository.get(added.id)
    assert isinstance(read.details, SealedDetails) and isinstance(read.validation.session_url, SealedText)
    assert replace(read, details=None, validation=None) == replace(added, details=None, validation=None)
    with repository.locked(added.id) as row:
        row.save(replace(row.onboarding, updated_at=NOW + timedelta(minutes=1)))
    assert len(before) == 2 and sealed() == before
    assert with_keys("new", "old").get(added.id).details == added.details
    with repository.locked(added.id) as row:
        row.erase(replace(row.onboarding.without_personal_data, erased_at=NOW))
    assert sealed() == []


@on_both_databases
def test_only_what_changes_is_sealed_anew(with_keys, sealed):
    """On PostgreSQL a new value would go into every index of the table."""
    repository = with_keys("key")
    added = repository.add(one_with_everything())
    first = sealed()
    with repository.locked(added.id) as row:
        seen = replace(row.onboarding.validation, refreshes=7)
        row.save(replace(row.onboarding, failures=3, validation=seen))
    assert sealed() == first
    found = repository.get(added.id)
    assert (found.failures, found.validation.refreshes, found.details) == (3, 7, added.details)
    with repository.locked(added.id) as row:
        other = replace(row.onboarding.validation, session_url="https://verify.example/other")
        row.save(replace(row.onboarding, details=some_details(first_name="Eva"), validation=other))
    assert not set(sealed()) & set(first)
    found = repository.get(added.id)
    assert (found.details.first_name, found.validation.session_url) == ("Eva", "https://verify.example/other")


def test_details_that_no_key_opens_are_never_mistaken_for_others(with_keys):
    added = with_keys("old").add(one_with_everything())
    details = with_keys("new").get(added.id).details
    looks = (lambda: details.document_number, lambda: replace(details, email=None), lambda: details == added.details)
    for look in looks:
        with pytest.raises(SealedValue):
            look()
    assert "30111222" not in repr(details)


def test_work_that_needs_a_missing_key_is_left_for_another_process(with_keys, caplog):
    added = with_keys("old").add(replace(one_with_everything(), validation=None))
    assert with_keys("new").claim(now=NOW, lease_until=LEASE, limit=1) == []
    soon = NOW + timedelta(seconds=5)
    assert [it.id for it in with_keys("new", "old").claim(now=soon, lease_until=LEASE, limit=1)] == [added.id]
    assert [it.levelno for it in caplog.records] == [logging.WARNING]


def test_work_that_needs_no_key_is_done_without_it(with_keys):
    with_keys("old").add(replace(one_with_everything(), details=None))
    assert len(with_keys("new").claim(now=NOW, lease_until=LEASE, limit=1)) == 1


@pytest.mark.asvs("11.2.2")
def test_rekey_seals_anew_what_another_key_sealed(with_keys, engine, sealed):
    added = [with_keys("old").add(one_with_everything(gu1_id=f"v{number}")) for number in range(3)]
    added.append(with_keys("new").add(one_with_everything(gu1_id="v4")))
    values = SealedValues(engine, ColumnCipher(["new", "old"]))
    assert values.count_by_key(limit=100) == {1: 6, 0: 2}
    done = list(values.rekey())
    assert (sum(it.seen for it in done), sum(it.resealed for it in done)) == (8, 6)
    assert values.count_by_key(limit=100) == {0: 8}
    before = sealed()
    assert sum(it.resealed for it in values.rekey()) == 0 and sealed() == before
    assert [with_keys("new").get(it.id) for it in added] == added


def test_rekey_goes_on_where_it_was_interrupted(with_keys, engine, monkeypatch):
    for number in range(5):
        with_keys("old").add(one_with_everything(gu1_id=f"v{number}"))
    monkeypatch.setattr("portal.store.sealed_values.SLICE", 2)
    values = SealedValues(engine, ColumnCipher(["new", "old"]))
    next(values.rekey())
    assert values.count_by_key(limit=100) == {0: 2, 1: 8}
    assert sum(it.resealed for it in values.rekey()) == 8


def test_rekey_counts_what_no_key_opens_and_leaves_it(with_keys, engine, sealed):
    with_keys("lost").add(one_with_everything())
    before = sealed()
    assert sum(it.without_key for it in SealedValues(engine, ColumnCipher(["new"])).rekey()) == 2
    assert sealed() == before


@pytest.mark.parametrize(
    ("status", "age", "has_work", "kept"),
    [
        (Status.APPROVED, timedelta(days=2), False, 0),
        (Status.REJECTED, timedelta(days=2), False, 0),
        (Status.APPROVED, timedelta(hours=2), False, 1),
        (Status.APPROVED, timedelta(days=2), True, 1),
        (Status.PENDING, timedelta(days=2), True, 1),
        (Status.PENDING, timedelta(days=31), False, 0),
        (Status.ABANDONED, timedelta(days=29), False, 1),
    ],
)
def test_address_of_a_hosted_page_goes_when_nobody_will_open_it(repository, status, age, has_work, kept):
    validation = an_adopted_validation(session_url="https://verify.example/s", session_id="s", status=status)
    times = {"created_at": NOW - age, "updated_at": NOW - age, "due_at": NOW if has_work else None}
    added = repository.add(an_onboarding(validation=validation, details=None, **times))
    purge = {"created_until": NOW - timedelta(days=30), "finished_until": NOW - timedelta(days=1), "limit": 9}
    assert repository.purge_sessions(**purge) == 1 - kept
    assert repository.purge_sessions(**purge) == 0
    assert (repository.get(added.id).validation.session_url is not None) == kept
