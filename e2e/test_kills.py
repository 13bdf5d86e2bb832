"""A sample of the kill benches: `python -m e2e.bench.kills` and `e2e.bench.submits` do it a thousand times."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e.bench.fleet import DATABASES, SQLITE
from e2e.bench.kills import Setting, random_kills
from e2e.bench.planned import planned_kills
from e2e.bench.points import BY_NAME
from e2e.bench.report import table
from e2e.bench.submits import COPIES, run_on
from tests.postgres import server

SEED = 20
POINTS = (
    "K2 after intent",
    "K3 after claim",
    "K7 after sent",
    "K8 create validation: answer begun",
    "K10 after adopted",
    "before watched",
    "before moved",
    "after verdict",
    "after stopped",
)


@pytest.fixture(scope="module")
def databases():
    """Only SQLite if there is no PostgreSQL; the store's tests say how to get one."""
    with server() as postgres, pytest.MonkeyPatch.context() as environment:
        if postgres:
            environment.setenv("TEST_POSTGRES_URL", postgres.render_as_string(hide_password=False))
        yield DATABASES if postgres else (SQLITE,)


@pytest.fixture
def on_each(databases, tmp_path):
    """Runs a bench on all databases at the same time; returns its lines."""

    def run(work):
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda database: work(tmp_path / database, database), databases))
        return [line for lines in found for line in lines]

    return run


def assert_clean(lines):
    assert all(line.runs and line.is_clean for line in lines), "\n" + table(lines)


def test_killed_at_a_point_of_its_life_an_onboarding_goes_on_all_the_same(on_each):
    points = [BY_NAME[name] for name in POINTS]
    lines = on_each(lambda folder, database: planned_kills(folder, database, points, seed=SEED, time_scale=0.03))
    assert_clean(lines)


@pytest.mark.slow
def test_killed_at_random_nothing_is_lost_and_nothing_paid_twice(on_each):
    setting = Setting(replicas=1, workers=2, longest_life=1.0)

    def kill(folder, database):
        return random_kills(folder, database, 6, seed=SEED, setting=setting, places=4, time_scale=0.03)

    assert_clean(on_each(kill))


def test_one_form_sent_eight_times_at_once_to_two_replicas_is_one_onboarding(on_each):
    lines = on_each(lambda folder, database: [run_on(folder, database, seed=SEED, intents=20, replicas=2)])
    assert_clean(lines)
    assert COPIES == 8
