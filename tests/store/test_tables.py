from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.exc import StatementError

from portal.store.mapping import NULL_BY_NAME
from portal.store.tables import onboardings, validations, webhook_deliveries


def written_and_read(engine, moment):
    with engine.begin() as connection:
        connection.execute(webhook_deliveries.insert().values(body_sha256="a", received_at=moment))
    with engine.connect() as connection:
        return connection.scalar(select(webhook_deliveries.c.received_at))


@pytest.mark.asvs("16.2.2")
def test_times_come_back_aware_and_in_utc(engine):
    there = datetime(2026, 3, 2, 9, 0, 0, 1, tzinfo=timezone(timedelta(hours=-3)))
    read = written_and_read(engine, there)
    assert read == there
    assert read.tzinfo is UTC


def test_times_without_a_zone_are_refused(engine):
    with pytest.raises(StatementError, match="without a time zone"):
        written_and_read(engine, datetime(2026, 3, 2, 9, 0))  # noqa: DTZ001


def test_columns_that_are_left_out_of_an_insert_are_null(engine):
    """But for those that an insert names even then."""
    columns = [it for table in (onboardings, validations) for it in inspect(engine).get_columns(table.name)]
    filled_in = {it["name"] for it in columns if it["nullable"] and it["default"] is not None}
    assert filled_in == (set(NULL_BY_NAME) if engine.dialect.name == "postgresql" else set())
