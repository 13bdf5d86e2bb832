from __future__ import annotations

from datetime import timedelta

import pytest

from portal.app import runner_of
from portal.store.database import make_engine
from portal.store.served_addresses import RECENT, ServedAddresses

THERE = "https://staging.example.com"


@pytest.fixture
def addresses(config):
    engine = make_engine(config.database_url)
    yield ServedAddresses(engine)
    engine.dispose()


def test_portal_of_another_address_on_the_database_is_warned_of_once(app, clock, config, addresses, caplog):
    beat = runner_of(app).beat
    beat(clock())
    assert not caplog.records
    addresses.record(THERE, clock())
    for _ in range(3):
        beat(clock())
    (line,) = (it.getMessage() for it in caplog.records)
    assert THERE in line and config.base_url in line
    beat(clock() + RECENT + timedelta(minutes=1))
    addresses.record(THERE, clock() + RECENT + timedelta(minutes=1))
    beat(clock() + RECENT + timedelta(minutes=1))
    assert len(caplog.records) == 2
