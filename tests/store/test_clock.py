import time
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.errors import StoreUnavailable
from portal.store.clock import DatabaseClock
from portal.store.database import make_engine
from tests.factories import NOW

MOMENT = timedelta(seconds=5)


def test_until_it_is_set_it_is_the_clock_of_the_machine(engine):
    assert DatabaseClock(engine, lambda: NOW)() == NOW


@pytest.mark.asvs("16.2.2")
def test_once_set_it_is_the_servers_where_there_is_a_server(engine):
    clock = DatabaseClock(engine, lambda: NOW)
    clock.set()
    if engine.dialect.name == "sqlite":
        assert clock() == NOW
    else:
        assert abs(clock() - datetime.now(UTC)) < MOMENT
        before = clock()
        time.sleep(0.01)
        assert clock() > before


def test_without_the_database_it_goes_on():
    clock = DatabaseClock(make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"), lambda: NOW)
    with pytest.raises(StoreUnavailable):
        clock.set()
    assert clock() == NOW
