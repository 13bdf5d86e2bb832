import threading
import time
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from portal.runner.wake import Wake
from portal.store import wake_channel
from portal.store.database import make_engine
from portal.store.wake_channel import WakeChannel

pytestmark = pytest.mark.postgresql

CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database() AND query LIKE 'LISTEN%'
"""


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(wake_channel, "_PAUSES", (0.05,))
    monkeypatch.setattr(wake_channel, "PROBE_SECONDS", 0.3)
    monkeypatch.setattr(wake_channel, "BETWEEN_NOTIFICATIONS", 0.0)


def until(holds, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_cut(engine):
    """The connection that listens was found and ended."""
    with engine.connect() as connection:
        return connection.scalar(text(CUT))


@contextmanager
def listening(channel):
    """What the channel passes on, while the block runs."""
    heard, stopping = [], threading.Event()
    wakes = {"onboardings": lambda: heard.append("onboardings"), "notifications": lambda: heard.append("notifications")}
    thread = threading.Thread(target=channel.listen, args=[wakes, stopping.is_set])
    thread.start()
    try:
        yield heard
    finally:
        stopping.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.long
@pytest.mark.usefixtures("impatient")
def test_a_process_wakes_the_workers_of_another(engine, migrated_url):
    here, there = WakeChannel(engine), WakeChannel(make_engine(migrated_url))
    with listening(there) as heard:
        until(lambda: there.is_open)
        until(lambda: len(heard) == 2)  # for what was missed
        here.notify("onboardings")
        until(lambda: heard[2:] == ["onboardings"])
        here.notify("something of a newer release")
        here.notify("notifications")
        until(lambda: heard[2:] == ["onboardings", "notifications"])
    assert not there.is_open


@pytest.mark.long
@pytest.mark.usefixtures("impatient")
def test_it_listens_again_after_its_connection_was_cut(engine):
    channel = WakeChannel(engine)
    with listening(channel) as heard:
        until(lambda: channel.is_open)
        until(lambda: is_cut(engine))
        until(lambda: len(heard) == 4)
        channel.notify("onboardings")
        until(lambda: heard[4:] == ["onboardings"])


@pytest.mark.usefixtures("impatient")
def test_behind_a_pooler_that_swallows_notifications_it_is_not_open(engine, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(wake_channel, "CHANNEL", "another; LISTEN nothing")  # notifies where nobody listens
    channel = WakeChannel(engine)
    with listening(channel) as heard:
        until(lambda: "do not arrive" in caplog.text)
        assert not channel.is_open
    assert heard == []


@pytest.mark.usefixtures("impatient")
def test_a_database_that_is_away_disturbs_nobody(caplog):
    channel = WakeChannel(make_engine("postgresql+psycopg://nobody@127.0.0.1:9/none"))
    channel.notify("onboardings")
    with listening(channel):
        until(lambda: "are not heard" in caplog.text)
    assert not channel.is_open


def test_sqlite_has_no_channel(tmp_path):
    channel = WakeChannel(make_engine(f"sqlite:///{tmp_path / 'none.db'}"))
    channel.notify("onboardings")
    channel.listen({}, lambda: False)
    assert not channel.is_open


def test_what_has_no_worker_wakes_those_of_others():
    told = []
    Wake(lambda: told.append("others"))()
    assert told == ["others"]
