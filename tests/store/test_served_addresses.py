from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, text

from portal.store.served_addresses import RECENT, ServedAddresses
from portal.store.tables import onboardings, served_addresses
from tests.factories import NOW, an_onboarding

HERE, THERE = "https://verify.example.com", "https://staging.example.com"


def test_other_address_is_told_for_a_while(engine):
    addresses = ServedAddresses(engine)
    addresses.record(THERE, NOW)
    for minute in range(2):
        addresses.record(HERE, NOW + timedelta(minutes=minute))
    assert addresses.others(HERE, NOW + RECENT) == [THERE]
    later = NOW + RECENT + timedelta(seconds=1)
    assert addresses.others(HERE, later) == []
    addresses.record(HERE, later)
    with engine.connect() as connection:
        assert connection.scalars(select(served_addresses.c.base_url)).all() == [HERE]


def test_what_a_release_without_reminders_creates_is_looked_at(repository, engine):
    """As in a rollout: the previous release leaves the column out. SQLite is never shared by two releases."""
    repository.add(an_onboarding(submission=None))
    names = [it.name for it in onboardings.columns if it.name not in {"id", "reminder_due_at"}]
    columns = ", ".join(names)
    older = f"INSERT INTO onboardings (id, {columns}) SELECT 'of-before', {columns} FROM onboardings"
    with engine.begin() as connection:
        connection.execute(text(older))
        due = connection.scalar(select(onboardings.c.reminder_due_at).where(onboardings.c.id == "of-before"))
    assert (due is not None) is (engine.dialect.name == "postgresql")
