from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.errors import KeyReused
from portal.services.housekeeping import Housekeeping
from portal.store.engine import make_engine
from portal.store.events import Outbox
from portal.store.notes import Notes
from portal.store.tables import events, webhook_deliveries
from tests.store.outbox import announcing, tell


@pytest.fixture
def database(config):
    engine = make_engine(config.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def after(database, clock):
    """Keeps house so much later."""

    def after(**time):
        Housekeeping(Notes(database), Outbox(database)).forget(clock.now + timedelta(**time))

    return after


def kept(database, column):
    with database.connect() as connection:
        return len(connection.scalars(select(column)).all())


def test_webhooks_are_known_for_a_month(database, after, clock):
    Notes(database).remember_webhook("aa", clock.now)
    after(days=30)
    assert kept(database, webhook_deliveries.c.body_sha256) == 1
    after(days=31)
    assert kept(database, webhook_deliveries.c.body_sha256) == 0


def test_keys_of_requests_are_known_for_a_week(invite, after):
    first = invite(key="k")
    after(days=7)
    assert invite(key="k") == first
    with pytest.raises(KeyReused):
        invite("customer-8", key="k")
    after(days=8)
    assert invite("customer-8", key="k") != first


def test_delivered_events_are_kept_for_a_month_and_others_longer(database, after, clock):
    outbox = Outbox(database)
    tell(announcing(database), times=3)
    first, *_ = outbox.claim("shop", now=clock.now, lease_until=clock.now + timedelta(seconds=40), limit=3)
    outbox.delivered(first, now=clock.now, outcome="HTTP 200")
    after(days=30)
    assert kept(database, events.c.id) == 3
    after(days=31)
    assert kept(database, events.c.id) == 2
