from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.domain.installation_change import LONGEST, THE_SERVER, InstallationChange, in_short
from portal.partners.registry import hash_of_key, new_key, new_signing_secret
from portal.store.installation_history import InstallationHistory
from portal.store.shared_state import SharedState
from tests.databases import on_sqlite
from tests.factories import NOW


@pytest.fixture
def history(engine):
    return InstallationHistory(engine)


def test_entries_come_back_newest_first_up_to_a_limit(history):
    """In the order in which they were added, whatever the clocks of two machines say."""
    history.add(NOW, InstallationChange.KEYS_CHANGED, THE_SERVER, "PORTAL_SECRET_KEYS")
    history.add(NOW - timedelta(seconds=1), InstallationChange.REKEYED, "ana", "values: 3")
    assert history.newest(limit=9) == [
        (NOW - timedelta(seconds=1), "rekeyed", "ana", "values: 3"),
        (NOW, "keys_changed", "the server", "PORTAL_SECRET_KEYS"),
    ]
    assert [it.what for it in history.newest(limit=1)] == ["rekeyed"]


def test_old_entries_are_deleted_in_slices(history, engine):
    for days in (3, 2, 1, 0):
        history.add(NOW - timedelta(days=days), InstallationChange.PURGED, "ana", f"onboardings: {days}")
    shared, before = SharedState(engine), NOW - timedelta(days=1)
    assert [shared.purge_installation_history(before, limit=1) for _ in range(3)] == [1, 1, 0]
    assert [it.details for it in history.newest(limit=9)] == ["onboardings: 0", "onboardings: 1"]


@pytest.mark.parametrize("make", [new_key, new_signing_secret, lambda: hash_of_key("key")])
def test_what_is_as_long_as_a_secret_is_not_kept(history, make):
    secret = make()
    history.add(NOW, InstallationChange.API_KEY_MADE, "ana", f"partner shop: {secret}, GU1_API_KEY")
    (entry,) = history.newest(limit=1)
    assert secret.rpartition(":")[2] not in entry.details
    assert entry.details.startswith("partner shop: ") and entry.details.endswith(", GU1_API_KEY")


def test_longest_slug_is_kept(history):
    history.add(NOW, InstallationChange.PARTNER_PREPARED, "ana", f"partner {'s' * 40}: api_keys")
    assert history.newest(limit=1)[0].details == f"partner {'s' * 40}: api_keys"


def test_word_of_a_newer_release_is_shown_as_it_is(history, engine):
    with engine.begin() as connection:
        newer = "INSERT INTO installation_history (at, what, who, details) VALUES (:at, 'launched', 'bea', '')"
        connection.execute(text(newer), {"at": "2026-03-02 12:00:00+00:00"})
    assert history.newest(limit=1)[0].what == "launched"


@on_sqlite
def test_time_that_cannot_be_read_hides_no_entry(history, engine):
    history.add(NOW, InstallationChange.MIGRATED, "ana", "migrations: 1")
    with engine.begin() as connection:
        connection.execute(text("UPDATE installation_history SET at = 'long ago'"))
    assert history.newest(limit=1) == [(None, "migrated", "ana", "migrations: 1")]


def test_many_names_are_cut_and_the_rest_is_counted():
    names = [f"partner p{number}: api_keys" for number in range(99)]
    text_of_all = in_short(names)
    shown = text_of_all.count("api_keys")
    assert len(text_of_all) <= LONGEST and text_of_all.endswith(f", and {99 - shown} more")
    assert in_short(names[:2]) == "partner p0: api_keys, partner p1: api_keys"
