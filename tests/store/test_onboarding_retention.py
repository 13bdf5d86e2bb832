"""What was deleted leaves SQLite's files, and nobody waits for that."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from portal.store.database import make_engine
from portal.store.onboarding_retention import OnboardingRetention
from tests.factories import an_onboarding


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
