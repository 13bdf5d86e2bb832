"""A sample of the long benches: database outages, webhook floods, wrong clocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.bench import clocks, floods, outages, sqlite_faults, unreadable
from e2e.bench.fleet import SQLITE
from e2e.bench.report import table
from tests.postgres import HOW_TO_GET_ONE, own_cluster

SEED = 7
pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc, which only Linux has")


@pytest.fixture
def own_postgres():
    with own_cluster() as cluster:
        if cluster is None:
            pytest.skip(HOW_TO_GET_ONE)
        yield cluster


def assert_clean(*lines):
    assert all(line.is_clean for line in lines), table(lines)
    assert all(line.runs for line in lines), table(lines)


@pytest.mark.asvs("16.5.2")
def test_postgresql_killed_and_started_costs_nobody_anything(tmp_path, own_postgres):
    assert_clean(outages.restarts(tmp_path, own_postgres, SEED, scale=0.1, places=4))


def test_locked_file_is_waited_for_and_then_told_of(tmp_path):
    assert_clean(sqlite_faults.long_lock(tmp_path, SEED, seconds=6.5))


def test_full_disk_is_never_answered_as_if_it_were_kept(tmp_path):
    assert_clean(sqlite_faults.small_files(tmp_path, SEED, places=2))


def test_unreadable_row_stops_nobody_else(tmp_path):
    by_name = {row.name: row for row in unreadable.ROWS}
    rows = [by_name[name] for name in ("a newer release's word", "a nonsense time")]
    assert_clean(*unreadable.run(tmp_path, seed=SEED, databases=[SQLITE], rows=rows))


def test_webhooks_in_any_order_and_forged_ones(tmp_path):
    assert_clean(*floods.run(seed=SEED, webhooks=200, validations=12, databases=[SQLITE], folder=tmp_path))


def test_clock_that_jumps_a_day_and_back_holds_nobody_up(tmp_path):
    assert_clean(clocks.jumping(tmp_path, SQLITE, clocks.DAY, SEED, seconds=3.0))
