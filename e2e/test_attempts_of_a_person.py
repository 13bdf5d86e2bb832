"""Attempts of a person, counted at gu1: what its ledger shows of somebody who starts again and again."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e.in_process_rig import rig
from portal.domain.stage import Stage
from tests.databases import on_both_databases

NUMBER = "30444555"


@pytest.fixture
def folder(tmp_path, migrated_sqlite):
    """A folder with a migrated database."""
    shutil.copy(migrated_sqlite, tmp_path / "portal.db")
    return tmp_path


def test_whoever_starts_again_is_not_sent_to_gu1_again(folder):
    with rig(folder, is_migrated=True) as it:
        for _ in range(3):
            started = it.start(NUMBER)
            it.arrives(started, Stage.READY)
            it.opens_hosted_page(started)
            it.ends(started, "reject")
            it.arrives(started, Stage.REJECTED, Stage.CLOSED)
        held = it.start(NUMBER)
        it.arrives(held, Stage.CLOSED)
        other = it.start("30444666")
        it.arrives(other, Stage.READY)
        assert it.onboardings.open_hosted_page(held) is None
        assert [row["status"] for row in it.ledger()].count("rejected") == 3
        assert len(it.ledger()) == 4, "three of the person and one of the other"
        it.agrees_with_the_ledger()


@on_both_databases
def test_of_all_that_are_ready_at_once_only_three_can_be_paid(database_url, tmp_path):
    with rig(tmp_path, database_url=database_url) as it:
        started = [it.start(NUMBER) for _ in range(6)]
        for onboarding in started:
            it.arrives(onboarding, Stage.READY)
        with ThreadPoolExecutor(6) as pool:
            opened = list(pool.map(it.onboardings.open_hosted_page, started))
        assert sum(url is not None for url in opened) == 3
        for onboarding, url in zip(started, opened, strict=True):
            if url:
                it.ends(onboarding, "reject")
        for onboarding, url in zip(started, opened, strict=True):
            it.arrives(onboarding, *((Stage.REJECTED, Stage.CLOSED) if url else (Stage.CLOSED,)))
        assert [row["status"] for row in it.ledger()].count("rejected") == 3
