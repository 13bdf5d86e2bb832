from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.domain.errors import WouldBlock
from portal.store import quick_reads
from portal.store.shared_state import SharedState
from tests.databases import on_sqlite
from tests.factories import NOW


@pytest.fixture
def shared_state(engine):
    return SharedState(engine)


def test_a_webhook_is_known_until_it_is_forgotten(shared_state):
    assert not shared_state.has_webhook("aa")
    shared_state.remember_webhook("aa", NOW)
    shared_state.purge_webhooks(NOW, limit=9)
    assert shared_state.has_webhook("aa")
    shared_state.purge_webhooks(NOW + timedelta(seconds=1), limit=9)
    assert not shared_state.has_webhook("aa")


def test_webhooks_are_read_at_once_where_a_connection_is_open(shared_state, monkeypatch):
    monkeypatch.setattr(quick_reads, "SLOW", 10.0)
    monkeypatch.setattr(quick_reads, "NONBLOCKING_TIMEOUT", 10.0)
    for known in ("aa", "bb"):
        shared_state.remember_webhook(known, NOW)
    with pytest.raises(WouldBlock):
        shared_state.webhooks_nonblocking(["aa"])
    for _ in range(quick_reads.CONNECTIONS):
        shared_state.has_webhook("aa")
    assert shared_state.webhooks_nonblocking(["bb", "cc", "aa", "aA"]) == {"aa", "bb"}


def test_a_budget_is_spent_up_to_its_limit_and_no_further(shared_state):
    assert [shared_state.spend(NOW, 2) for _ in range(3)] == [True, True, False]
    assert (shared_state.spent(NOW), shared_state.spent(NOW + timedelta(hours=1))) == (2, 0)
    assert not shared_state.spend(NOW + timedelta(hours=1), 0)


@on_sqlite
def test_a_budget_that_is_no_number_is_spent_until_the_hour_ends(shared_state, engine):
    assert shared_state.spend(NOW, 2)
    with engine.begin() as connection:
        connection.execute(text("UPDATE budgets SET used = 'all'"))
    assert (shared_state.spend(NOW, 2), shared_state.spent(NOW)) == (False, 0)
    assert shared_state.spend(NOW + timedelta(hours=1), 2)


def test_an_empty_budget_leaves_nothing_behind(shared_state):
    assert not shared_state.spend(NOW, 0)
    assert shared_state.spent(NOW) == 0


def test_a_turn_that_many_wait_for_is_set_and_seen(shared_state):
    assert shared_state.next_turn("frequent") is None
    for moment in (NOW + timedelta(hours=1), NOW):
        shared_state.set_turn("frequent", moment)
        assert shared_state.next_turn("frequent") == moment
    assert shared_state.next_turn("another") is None


@on_sqlite
def test_a_turn_that_is_no_time_is_none(shared_state, engine):
    shared_state.set_turn("frequent", NOW)
    with engine.begin() as connection:
        connection.execute(text("UPDATE turns SET next_at = 'soon'"))
    assert shared_state.next_turn("frequent") is None
