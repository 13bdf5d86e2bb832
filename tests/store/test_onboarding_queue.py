from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from portal.domain.errors import LimitReached, StoreUnavailable, UnknownOnboarding
from portal.domain.start_limits import HOUR, StartCounter
from portal.services.view_recorder import WATCHED_FOR
from portal.store.row_leases import UNREADABLE_PAUSE
from tests.databases import on_sqlite
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding
from tests.sqlite_steps import steps_of

LEASE = NOW + timedelta(seconds=30)
INSTANT = timedelta(microseconds=1)


def claim(repository, now=NOW, limit=10, lease_until=LEASE):
    return repository.claim(now=now, lease_until=lease_until, limit=limit)


def test_a_claim_takes_the_whole_onboarding_with_a_new_fence(repository):
    added = repository.add(an_onboarding(validation=an_adopted_validation(), fence=4))
    taken = claim(repository)
    assert taken == [replace(added, fence=5, lease_until=LEASE)]
    assert repository.get(added.id) == taken[0]


def test_only_due_onboardings_are_claimed(repository):
    repository.add(an_onboarding(due_at=None))
    repository.add(an_onboarding(due_at=NOW + INSTANT))
    assert claim(repository) == []


def test_the_longest_waiting_are_claimed_first(repository):
    minutes = [3, 1, 2]
    added = [repository.add(an_onboarding(due_at=NOW - timedelta(minutes=minute))) for minute in minutes]
    assert [one.id for one in claim(repository, limit=2)] == [added[0].id, added[2].id]
    assert [one.id for one in claim(repository, limit=2)] == [added[1].id]


def invited(repository, due_at=NOW - timedelta(minutes=1), **changes):
    """With nothing but a look-up to do, for a link that nobody opened."""
    return repository.add(an_onboarding(external_id="customer", details=None, consent=None, due_at=due_at, **changes))


@pytest.mark.long
@pytest.mark.parametrize(
    "person", [{"validation": a_validation()}, {"watched_at": NOW}, {"watched_at": NOW - WATCHED_FOR}]
)
def test_flood_of_invitations_holds_nobody_up_at_their_page(repository, person):
    for _ in range(300):
        invited(repository)
    at_page = invited(repository, due_at=NOW, **person)
    claimed = claim(repository, limit=16)
    assert at_page.id in {one.id for one in claimed}
    assert len(claimed) == 16


@pytest.mark.asvs("15.2.2")
def test_flood_from_one_address_waits_behind_itself(repository):
    """Though the attacker was first, and looks at every page."""
    from_one = [from_address(repository, "flood", watched_at=NOW) for _ in range(30)]
    others = [from_address(repository, f"other {number}") for number in range(4)]
    twice = [from_address(repository, "other 0") for _ in range(2)]
    claimed = [one.id for one in claim(repository, limit=7)]
    assert set(claimed) == {one.id for one in [from_one[0], *others, from_one[1], twice[0]]}


def from_address(repository, address, **changes):
    started = an_onboarding(validation=a_validation(), **changes)
    return repository.add(started, [StartCounter(key=address, lasts=HOUR)])


def test_count_begins_anew_after_its_time(repository):
    turns = []
    for minutes in (0, 1, 59, 60, 61):
        started = an_onboarding(created_at=NOW + timedelta(minutes=minutes), validation=a_validation())
        turns.append(repository.add(started, [StartCounter(key="address", lasts=HOUR)]).earlier_starts)
    assert turns == [0, 1, 2, 0, 1]


def test_a_start_that_is_refused_counts_for_nothing(repository):
    counters = [StartCounter(key="address", lasts=HOUR), StartCounter(key="day", lasts=HOUR, limit=1)]
    repository.add(an_onboarding(validation=a_validation()), counters)
    for _ in range(3):
        refused = an_onboarding(validation=a_validation())
        with pytest.raises(LimitReached):
            repository.add(refused, counters)
        with pytest.raises(UnknownOnboarding):
            repository.get(refused.id)
    assert repository.add(an_onboarding(validation=a_validation()), counters[:1]).earlier_starts == 1


def test_who_looked_long_ago_waits_their_turn(repository):
    first = invited(repository)
    invited(repository, due_at=NOW, watched_at=NOW - WATCHED_FOR - INSTANT)
    assert [one.id for one in claim(repository, limit=1)] == [first.id]


def test_people_go_in_due_order_before_all_invitations(repository):
    looked_up = [invited(repository, NOW - timedelta(hours=hours)) for hours in (3, 2)]
    people = [{"validation": a_validation()}, {"watched_at": NOW}, {"validation": a_validation()}]
    longest, *others = (
        invited(repository, NOW - timedelta(minutes=3 - number), **person) for number, person in enumerate(people)
    )
    assert [one.id for one in claim(repository, limit=1)] == [longest.id]
    assert [one.id for one in claim(repository, limit=3)] == [looked_up[0].id, *(one.id for one in others)]
    assert [one.id for one in claim(repository, limit=3)] == [looked_up[1].id]


@on_sqlite
def test_who_waits_without_being_due_costs_a_claim_nothing(repository, engine):
    """Neither thousands at their pages nor thousands of open links."""
    steps = []
    for _ in range(2):
        for _ in range(40):
            repository.add(an_onboarding(validation=an_adopted_validation(), watched_at=NOW, due_at=NOW + INSTANT))
            invited(repository, due_at=NOW + INSTANT)
        repository.add(an_onboarding(validation=an_adopted_validation()))
        steps.append(steps_of(engine, lambda: claim(repository)))
    assert abs(steps[1] - steps[0]) < 40


def test_a_held_onboarding_is_left_alone_until_its_lease_is_over(repository):
    repository.add(an_onboarding())
    (first,) = claim(repository)
    assert claim(repository, now=LEASE) == []
    (second,) = claim(repository, now=LEASE + INSTANT, lease_until=LEASE + timedelta(minutes=1))
    assert second.fence > first.fence


def test_next_due_is_none_where_nothing_is_left_to_do(repository):
    repository.add(an_onboarding(due_at=None, lease_until=LEASE))
    assert repository.next_due(NOW) is None


@pytest.mark.parametrize(
    ("due_in", "lease_in", "claimable_in"),
    [(5, None, 5), (-5, None, -5), (5, -1, 5), (-5, -1, -5), (5, 2, 5), (-5, 30, 30)],
)
def test_next_due_is_the_first_moment_that_claims(repository, due_in, lease_in, claimable_in):
    due_at, claimable = NOW + timedelta(seconds=due_in), NOW + timedelta(seconds=claimable_in)
    lease_until = None if lease_in is None else NOW + timedelta(seconds=lease_in)
    repository.add(an_onboarding(due_at=due_at, lease_until=lease_until))
    repository.add(an_onboarding(due_at=NOW + timedelta(hours=1)))
    moment = repository.next_due(NOW)
    assert moment == (claimable + INSTANT if lease_in == claimable_in else claimable)
    assert len(claim(repository, now=max(moment, NOW))) == 1


@pytest.mark.parametrize("change", ["added", "given back"])
def test_next_due_withstands_what_becomes_due_between_its_looks(repository, engine, change):
    """The database shows each of them what was committed before it."""
    if change == "given back":
        added = repository.add(an_onboarding(lease_until=LEASE))
    looks = []

    def interfere(_connection, _cursor, statement, *_):
        if not statement.startswith("SELECT"):
            return
        looks.append(statement)
        if len(looks) == 2 and change == "added":
            repository.add(an_onboarding())
        elif len(looks) == 2:
            with engine.begin() as other:
                other.execute(text("UPDATE onboardings SET lease_until = NULL WHERE id = :id"), {"id": added.id})

    event.listen(engine, "after_cursor_execute", interfere)
    try:
        moment = repository.next_due(NOW)
    finally:
        event.remove(engine, "after_cursor_execute", interfere)
    assert len(looks) >= 4
    assert moment == NOW
    assert len(claim(repository)) == 1


def test_an_onboarding_with_a_lost_key_does_not_stop_the_others(repository, engine, caplog):
    broken = repository.add(an_onboarding(due_at=NOW - timedelta(minutes=1)))
    fine = repository.add(an_onboarding())
    with engine.begin() as connection:
        damage = text("UPDATE onboardings SET details_sealed = :junk WHERE id = :id")
        connection.execute(damage, {"junk": b"junk", "id": broken.id})
    assert [one.id for one in claim(repository)] == [fine.id]
    assert broken.id in caplog.text


def test_a_word_of_a_newer_release_is_put_off_for_an_hour(repository, engine, caplog):
    newer = repository.add(an_onboarding(validation=an_adopted_validation()))
    accept_any_word(engine, "UPDATE validations SET status = 'teleported'")
    assert claim(repository) == []
    assert newer.id in caplog.text
    assert repository.next_due(NOW) == NOW + UNREADABLE_PAUSE
    with pytest.raises(StoreUnavailable):
        repository.get(newer.id)


@pytest.mark.parametrize("column", ["due_at", "lease_until", "updated_at", "watched_at", "validations.expires_at"])
@pytest.mark.parametrize("nonsense", ["next tuesday", 5, "infinity", "-infinity", "294000-01-01"])
def test_a_time_that_is_none_stops_nobody_else(repository, engine, caplog, column, nonsense):
    if engine.dialect.name == "postgresql" and nonsense in {"next tuesday", 5}:
        nonsense = "-infinity"  # what it lets nobody write cannot be read back either
    broken = repository.add(an_onboarding(validation=an_adopted_validation(), due_at=NOW - timedelta(minutes=1)))
    table, name = column.split(".") if "." in column else ("onboardings", column)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {table} SET {name} = :nonsense"), {"nonsense": nonsense})
    fine = repository.add(an_onboarding())
    assert repository.next_due(NOW) <= NOW
    claimed = claim(repository) + claim(repository, now=NOW + timedelta(seconds=1))
    healed = {broken.id} if column == "lease_until" else set()  # which the claim itself writes anew
    assert {one.id for one in claimed} == {fine.id} | healed
    assert (broken.id in caplog.text) is not bool(healed)
    assert repository.next_due(NOW) > NOW


@pytest.mark.asvs("15.3.5")
@on_sqlite
@pytest.mark.parametrize(
    "damage",
    [
        *("onboardings SET failures = 'many'", "onboardings SET fence = 1.5", "onboardings SET locale = x'6573'"),
        *("validations SET sends = 'many'", "validations SET empty_looks = 'few'", "validations SET refreshes = 1.5"),
        "validations SET nonce = x'00'",
    ],
)
def test_a_value_of_another_type_stops_nobody_else(repository, engine, caplog, damage):
    broken = repository.add(an_onboarding(validation=an_adopted_validation(), due_at=NOW - timedelta(minutes=1)))
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {damage}"))
    fine = repository.add(an_onboarding())
    assert [one.id for one in claim(repository)] == [fine.id]
    assert broken.id in caplog.text
    assert repository.next_due(NOW) == LEASE + INSTANT


def test_what_a_clock_ahead_has_put_off_is_due_when_the_clock_is_right_again(repository):
    ahead = repository.add(an_onboarding(due_at=NOW + timedelta(hours=3)))
    assert repository.next_due(NOW) == NOW
    assert [one.id for one in claim(repository)] == [ahead.id]


def test_what_a_clock_ahead_has_claimed_is_free_when_the_clock_is_right_again(repository):
    ahead = repository.add(an_onboarding())
    tomorrow = NOW + timedelta(days=1)
    claim(repository, now=tomorrow, lease_until=tomorrow + timedelta(seconds=30))
    assert repository.next_due(NOW) == NOW
    assert [one.id for one in claim(repository)] == [ahead.id]


def accept_any_word(engine, statement):
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        else:
            connection.execute(text("ALTER TABLE validations DROP CONSTRAINT ck_validations_status"))
        connection.execute(text(statement))


def test_lease_that_ends_between_two_looks_can_be_claimed_now(repository, engine):
    repository.add(an_onboarding(due_at=NOW - INSTANT))
    claim(repository)
    looks = []

    def end_it(*_arguments):
        looks.append(None)
        if len(looks) == 3:
            with engine.begin() as connection:
                connection.execute(text("UPDATE onboardings SET lease_until = NULL"))

    event.listen(engine, "before_cursor_execute", end_it)
    try:
        assert repository.next_due(NOW) <= NOW + INSTANT
    finally:
        event.remove(engine, "before_cursor_execute", end_it)
    assert len(looks) > 3
