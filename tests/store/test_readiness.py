"""A replica is ready only if its database takes writes, which it finds out without leaving a trace."""

import pytest
from sqlalchemy import event, text

from portal.domain.errors import StoreUnavailable
from portal.store.database import make_engine, migrate
from portal.store.readiness import BETWEEN_WRITES, Readiness
from portal.store.shared_state import SharedState
from portal.store.tables import webhook_deliveries


def test_write_is_tried_once_a_second_and_leaves_nothing(engine):
    now, writes = 0.0, []
    event.listen(engine, "before_cursor_execute", lambda *call: writes.append(call[2]) if "INSERT" in call[2] else None)
    readiness = Readiness(engine, lambda: None, lambda: now)
    for _ in range(5):
        readiness.check()
    assert len(writes) == 1
    now += BETWEEN_WRITES
    readiness.check()
    assert len(writes) == 2
    with engine.connect() as connection:
        assert connection.execute(webhook_deliveries.select()).all() == []


def test_failed_write_counts_for_a_second(engine):
    now = 0.0
    readiness = Readiness(engine, lambda: None, lambda: now)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE webhook_deliveries RENAME TO away"))
    with pytest.raises(StoreUnavailable):
        readiness.check()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO webhook_deliveries"))
    with pytest.raises(StoreUnavailable):
        readiness.check()
    now += BETWEEN_WRITES
    readiness.check()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_standby_is_not_ready(engine):
    only_reads = engine.execution_options(postgresql_readonly=True)
    with pytest.raises(StoreUnavailable, match="25006"):
        Readiness(only_reads, lambda: None).check()


def test_full_disk_is_not_ready(tmp_path):
    """As SQLite reports it for a file that must not grow; what is there can still be read."""
    engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("VACUUM")  # no page is free
    state = SharedState(engine)
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA max_page_count=1"))
    engine.dispose()
    with pytest.raises(StoreUnavailable, match="SQLITE_FULL"):
        Readiness(engine, lambda: state.has_webhook("any")).check()
    engine.dispose()
