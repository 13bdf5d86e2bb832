"""What was deleted leaves SQLite's files, nobody waits for that, and what another release left goes too."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from portal.store import onboarding_retention
from portal.store.database import make_engine
from portal.store.onboarding_retention import OnboardingRetention
from portal.store.tables import customer_purposes, onboardings
from tests.databases import on_both_databases
from tests.factories import NOW, an_onboarding


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_log_that_others_read_is_left_at_once_and_patience_with_locks_stays(migrated_url, repository):
    engine = make_engine(migrated_url, lock_timeout=20)
    with engine.connect() as reader, ThreadPoolExecutor() as threads:
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT count(*) FROM onboardings")
        repository.add(an_onboarding())
        threads.submit(OnboardingRetention(engine).forget_deleted).result(timeout=10)
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 20_000
    engine.dispose()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_log_is_emptied_as_soon_as_the_last_reader_is_done(migrated_url, repository, monkeypatch):
    engine = make_engine(migrated_url)
    log = Path(engine.url.database + "-wal")
    with engine.connect() as reader:
        repository.add(an_onboarding())
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT count(*) FROM onboardings")
        repository.add(an_onboarding(submission="second"))
        monkeypatch.setattr(onboarding_retention.time, "sleep", lambda _seconds: reader.exec_driver_sql("COMMIT"))
        OnboardingRetention(engine).forget_deleted()
        assert log.stat().st_size == 0
    engine.dispose()


@pytest.fixture
def customers(repository, engine):
    """Of many purposes; every third was erased by a release that does not know the table."""
    added = repository.add(an_onboarding(partner="shop", external_id="customer-7", submission=None))

    def customers(number):
        with engine.begin() as connection:
            row = connection.execute(select(onboardings)).mappings().one()
            only = {it.key: row[it] for it in onboardings.c}
            ids = [secrets.token_urlsafe(16) for _ in range(number)]
            erased = [{"id": it, "erased_at": NOW if at % 3 == 0 else None} for at, it in enumerate(ids)]
            connection.execute(insert(onboardings), [only | it for it in erased])
            customer = {"partner": "shop", "external_id": "customer-7"}
            rows = [customer | {"purpose": it, "onboarding_id": it} for it in (*ids, added.id)]
            connection.execute(insert(customer_purposes), rows)

    return customers


def left(engine):
    joined = select(func.count()).select_from(customer_purposes.join(onboardings))
    with engine.connect() as connection:
        every = connection.scalar(joined)
        return every, connection.scalar(joined.where(onboardings.c.erased_at.is_not(None)))


@on_both_databases
def test_what_the_release_before_left_of_the_erased_goes(engine, customers):
    retention = OnboardingRetention(engine)
    assert retention.forget_erased_customers() == 0
    customers(1200)
    assert left(engine) == (1201, 400)
    assert retention.forget_erased_customers() == 400
    assert left(engine) == (801, 0)
    assert retention.forget_erased_customers() == 0


@pytest.mark.long
@on_both_databases
def test_of_a_large_table_a_part_each_time(engine, customers):
    retention = OnboardingRetention(engine, slices=2)
    customers(3000)
    assert 0 < retention.forget_erased_customers() < 1000
    assert 0 < left(engine)[1] < 1000
    for _ in range(200):
        retention.forget_erased_customers()
    assert left(engine) == (2001, 0)
