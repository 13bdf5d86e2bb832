"""The outbox: whatever happens, an event is held by one at a time and stays until it was delivered."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from portal.store.outbox import Outbox
from portal.store.row_leases import UNREADABLE_PAUSE
from portal.store.tables import events
from tests.databases import on_sqlite
from tests.factories import NOW
from tests.sqlite_steps import steps_of
from tests.store.outbox import add_events, notify_again, notifying_store
from tests.store.test_concurrency import together

LEASE = NOW + timedelta(seconds=40)
INSTANT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def repository(engine):
    return notifying_store(engine)


@pytest.fixture
def outbox(engine):
    return Outbox(engine)


def claim(outbox, partner="shop", now=NOW, limit=10, lease_until=LEASE):
    return outbox.claim(partner, now=now, lease_until=lease_until, limit=limit)


def only(outbox):
    (event,) = outbox.list_events(None, undelivered_only=False, limit=10)
    return event


def damage(engine, assignment, **values):
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE events SET {assignment}"), values)


def test_what_was_claimed_says_all_that_was_written(repository, outbox):
    told = add_events(repository)
    (event,) = claim(outbox)
    assert (event.partner, event.onboarding_id, event.sequence, event.attempts) == ("shop", told.id, 1, 0)
    assert event.summary == {"id": told.id, "status": "pending"}
    assert (event.created_at, event.due_at, event.lease_until) == (NOW, NOW, LEASE)


def test_a_claim_is_of_one_partner_and_the_longest_waiting_first(repository, outbox):
    for minutes in (1, 3, 2):
        add_events(repository, at=NOW - minutes * MINUTE)
    add_events(repository, partner="bank")
    assert [event.due_at for event in claim(outbox, limit=2)] == [NOW - 3 * MINUTE, NOW - 2 * MINUTE]
    assert [event.partner for event in claim(outbox, "bank")] == ["bank"]
    assert outbox.due_partners(NOW) == ["shop"]


@on_sqlite
def test_how_many_more_are_due_costs_a_claim_of_the_first_nothing(repository, outbox, engine):
    steps = []
    for _ in range(2):
        add_events(repository, times=60)
        steps.append(steps_of(engine, lambda: claim(outbox, limit=1)))
    assert abs(steps[1] - steps[0]) < 40


@on_sqlite
def test_what_waits_for_later_costs_a_look_for_what_is_due_nothing(repository, outbox, engine):
    steps = []
    for _ in range(2):
        add_events(repository, times=60)
        with engine.begin() as connection:
            connection.execute(update(events).values(due_at=NOW + MINUTE))
        steps.append(steps_of(engine, lambda: outbox.due_partners(NOW)))
    assert abs(steps[1] - steps[0]) < 40


def test_a_held_event_is_left_alone_until_its_lease_is_over(repository, outbox):
    add_events(repository)
    (first,) = claim(outbox)
    assert (claim(outbox, now=LEASE), outbox.due_partners(LEASE)) == ([], [])
    assert outbox.next_due(NOW) == LEASE + INSTANT
    (again,) = claim(outbox, now=LEASE + INSTANT, lease_until=LEASE + MINUTE)
    assert (again.id, again.body) == (first.id, first.body)


def test_every_event_is_claimed_by_exactly_one(repository, outbox):
    for _ in range(10):
        add_events(repository, times=3)
        claims = together(8, lambda _: claim(outbox, limit=1))
        claims.append(claim(outbox))
        taken = [event.id for taken in claims for event in taken]
        assert len(taken) == len(set(taken)) == 3


def test_next_due_is_none_where_everything_has_arrived(repository, outbox):
    assert outbox.next_due(NOW) is None
    add_events(repository)
    outbox.delivered(*claim(outbox), now=NOW, outcome="HTTP 204")
    assert (outbox.next_due(NOW), outbox.due_partners(NOW)) == (None, [])
    event = only(outbox)
    assert (event.delivered_at, event.attempts, event.outcome, event.lease_until) == (NOW, 1, "HTTP 204", None)


def test_what_was_put_off_is_due_when_it_says(repository, outbox):
    add_events(repository)
    outbox.retry_later(*claim(outbox), due_at=NOW + MINUTE, outcome="HTTP 500")
    assert (outbox.next_due(NOW), claim(outbox)) == (NOW + MINUTE, [])
    (event,) = claim(outbox, now=NOW + MINUTE)
    assert (event.attempts, event.outcome) == (1, "HTTP 500")


def test_given_up_is_kept_and_brought_back(repository, outbox):
    add_events(repository)
    outbox.retry_later(*claim(outbox), due_at=None, outcome="gone")
    assert outbox.next_due(NOW) is None
    assert outbox.resend([only(outbox).id, "evt_unknown"], NOW + MINUTE) == {only(outbox).id}
    (event,) = claim(outbox, now=NOW + MINUTE)
    assert event.attempts == 0


def test_handed_back_is_free_at_once_and_not_counted(repository, outbox):
    add_events(repository)
    outbox.release(*claim(outbox))
    (event,) = claim(outbox)
    assert event.attempts == 0


@pytest.mark.parametrize("late", ["delivered", "retry_later", "release"])
def test_whoever_lost_the_claim_changes_nothing(repository, outbox, late):
    add_events(repository)
    (lost,) = claim(outbox)
    (held,) = claim(outbox, now=LEASE + INSTANT, lease_until=LEASE + MINUTE)
    facts = {
        "delivered": {"now": NOW, "outcome": "HTTP 200"},
        "retry_later": {"due_at": None, "outcome": "gone"},
        "release": {},
    }
    getattr(outbox, late)(lost, **facts[late])
    assert only(outbox) == held


def test_asked_for_again_while_it_is_sent_it_stays_due(repository, outbox):
    add_events(repository)
    (event,) = claim(outbox)
    outbox.resend([event.id], NOW + INSTANT)
    assert claim(outbox, now=LEASE) == []  # still one at a time
    outbox.retry_later(event, due_at=NOW + timedelta(days=1), outcome="HTTP 500")
    assert outbox.next_due(NOW) == NOW + INSTANT


def test_shelved_together_without_a_try(repository, outbox):
    add_events(repository, times=3)
    add_events(repository, partner="bank")
    outbox.postpone_all("shop", now=NOW, until=NOW + MINUTE, outcome="not listening")
    assert outbox.due_partners(NOW) == ["bank"]
    assert [event.attempts for event in claim(outbox, now=NOW + MINUTE)] == [0, 0, 0]


def test_undelivered_of_one_partner_are_resent_together(repository, outbox):
    add_events(repository, times=3)
    add_events(repository, partner="bank")
    first, second, third = claim(outbox)
    outbox.delivered(first, now=NOW, outcome="HTTP 200")
    outbox.retry_later(second, due_at=None, outcome="gone")
    outbox.retry_later(third, due_at=NOW + MINUTE, outcome="HTTP 500")
    assert list(outbox.resend_undelivered("shop", NOW)) == [2]
    assert {event.id for event in claim(outbox)} == {second.id, third.id}


def test_listed_newest_first_by_partner_and_by_what_is_missing(repository, outbox):
    told = add_events(repository, times=2)
    notify_again(repository, told.id, at=NOW + MINUTE)
    add_events(repository, partner="bank", at=NOW - MINUTE)
    outbox.delivered(claim(outbox, limit=3)[1], now=NOW, outcome="HTTP 200")

    def listed(partner=None, undelivered_only=False, limit=10):
        found = outbox.list_events(partner, undelivered_only=undelivered_only, limit=limit)
        return [(event.partner, event.sequence) for event in found]

    assert listed() == [("shop", 3), ("shop", 2), ("shop", 1), ("bank", 1)]
    assert listed("shop", limit=2) == [("shop", 3), ("shop", 2)]
    assert listed("shop", undelivered_only=True) == [("shop", 3), ("shop", 1)]


def test_what_a_clock_ahead_has_put_off_or_claimed_is_free(repository, outbox):
    add_events(repository)
    far = NOW + timedelta(days=5)
    outbox.retry_later(*claim(outbox), due_at=far, outcome="HTTP 500")
    assert outbox.next_due(NOW) == NOW
    claim(outbox, lease_until=far)
    assert outbox.next_due(NOW) == NOW
    assert len(claim(outbox)) == 1


UNREADABLE = ["payload = '{'", "payload = '[]'", "created_at = '-infinity'", "delivered_at = '-infinity'"]


@pytest.mark.parametrize("assignment", UNREADABLE)
def test_an_unreadable_event_stops_nobody_else(repository, outbox, engine, caplog, assignment):
    add_events(repository, at=NOW - MINUTE)
    damage(engine, assignment)
    fine = add_events(repository)
    assert [event.onboarding_id for event in claim(outbox)] == [fine.id]
    assert assignment.split()[0] in caplog.text
    assert outbox.next_due(NOW) == LEASE + INSTANT
    assert [event.onboarding_id for event in outbox.list_events(None, undelivered_only=False, limit=9)] == [fine.id]


WRONG_TYPE = ["sequence = 'second'", "sequence = 1.5", "attempts = 'many'", "payload = x'7b7d'"]


@on_sqlite
@pytest.mark.parametrize("assignment", WRONG_TYPE)
def test_an_event_with_a_value_of_another_type_stops_nobody_else(repository, outbox, engine, caplog, assignment):
    test_an_unreadable_event_stops_nobody_else(repository, outbox, engine, caplog, assignment)


@on_sqlite
def test_an_unreadable_event_stops_no_other_of_its_onboarding(repository, outbox, engine):
    add_events(repository, times=3)
    damage(engine, "sequence = 'second' WHERE sequence = 2")
    assert [event.sequence for event in claim(outbox)] == [1, 3]


@on_sqlite
def test_the_next_event_is_counted_after_a_sequence_that_is_no_number(repository, outbox, engine):
    told = add_events(repository, times=3)
    damage(engine, "sequence = 'second' WHERE sequence = 2")
    notify_again(repository, told.id)
    assert [event.sequence for event in claim(outbox)] == [1, 3, 4]


@pytest.mark.parametrize("column", ["due_at", "lease_until"])
@pytest.mark.parametrize("nonsense", ["infinity", "-infinity"])
def test_a_time_that_is_none_is_mended(repository, outbox, engine, column, nonsense):
    add_events(repository)
    damage(engine, f"{column} = :nonsense", nonsense=nonsense)
    assert outbox.next_due(NOW) <= NOW
    claim(outbox)
    later = NOW + UNREADABLE_PAUSE + MINUTE
    assert len(claim(outbox, now=later, lease_until=later + MINUTE)) == 1


def test_delivered_long_ago_is_forgotten_and_numbers_go_on(repository, outbox):
    told = add_events(repository, times=3)
    for event in claim(outbox)[1:]:
        outbox.delivered(event, now=NOW, outcome="HTTP 200")
    assert outbox.purge_delivered(NOW, limit=9) == 0
    assert len(outbox.list_events(None, undelivered_only=False, limit=9)) == 3
    assert outbox.purge_delivered(NOW + INSTANT, limit=9) == 2
    assert outbox.purge_delivered(NOW + INSTANT, limit=9) == 0
    kept = outbox.list_events(None, undelivered_only=False, limit=9)
    assert {event.sequence: event.delivered_at for event in kept} == {1: None}
    notify_again(repository, told.id)
    assert {event.sequence for event in outbox.list_events(None, undelivered_only=True, limit=9)} == {1, 4}


def test_news_is_passed_on_once_it_is_kept(engine):
    seen = []

    def look():
        with engine.connect() as connection:
            seen.append(connection.scalar(select(func.count()).select_from(events)))

    repository = notifying_store(engine, look)
    add_events(repository)
    assert seen == [1]
