"""Webhooks are trusted while they verifiably come: not where they are about others, are late, or one was lost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from portal.app import add_services, runner_of
from portal.domain.errors import StoreUnavailable
from portal.domain.status import Status
from portal.domain.timings import Timings
from portal.services.webhook_handler import VerifiedWebhook
from portal.services.webhook_trust import TURN
from portal.store.shared_state import SharedState
from tests.factories import NOW
from tests.loops import run_in_one_thread
from tests.services.trusted_webhooks import APPROVED, TICK


def away(*_):
    raise StoreUnavailable("away")


# What has them trusted


def test_webhook_about_ours_has_them_trusted_for_ten_minutes(pair):
    assert not pair.trust.holds()
    pair.tell()
    assert pair.trust.holds()
    pair.lives(595, is_told=False)
    assert pair.trust.holds()
    pair.lives(TICK, is_told=False)
    assert not pair.trust.holds()


def test_each_further_one_puts_the_end_off(pair):
    pair.lives(720)
    assert pair.trust.holds()


@pytest.mark.parametrize("late", [timedelta(seconds=-31), timedelta(seconds=31), timedelta(hours=2)])
def test_webhook_that_is_late_shows_nothing(pair, late):
    assert pair.tell(late=late) == "applied"
    assert not pair.trust.holds()


def test_webhook_without_the_row_shows_that_they_come(pair):
    assert pair.tell(whole=False) == "looked_up"
    assert pair.trust.holds()


def test_webhook_that_brings_the_validation_itself_shows_that_they_come(pair, begin, gu1, onboardings):
    gu1.lose_answers = 1
    started = begin(nonce="third", document_number="30777666")
    assert pair.tell("validation-3", status=Status.PENDING) == "adopted"
    assert onboardings.get(started.id).validation.gu1_id == "validation-3"
    assert pair.trust.holds()


def test_webhooks_about_others_show_nothing(pair, gu1):
    others = replace(gu1.validations[pair.told_id], gu1_id="somebody-elses", nonce="unknown")
    told = {VerifiedWebhook(): "ignored", VerifiedWebhook(others.gu1_id, others): "not_ours"}
    assert [pair.webhooks.handle(it, outcome.encode()) for it, outcome in told.items()] == list(told.values())
    assert not pair.trust.holds()


def test_webhook_on_the_loop_shows_nothing(pair, gu1):
    told = VerifiedWebhook(pair.told_id, gu1.becomes(pair.told_id, Status.IN_PROGRESS)), b"the body"
    assert pair.webhooks.handle(*told) == "applied"
    pair.lives(610, is_told=False)
    assert (pair.webhooks.handle(*told), pair.trust.holds()) == ("repeated", False)


# What ends it


def test_lost_webhook_that_a_read_makes_up_for_ends_it_until_the_next(at_photos, caplog):
    at_photos.lives(60)
    at_photos.changes(status=Status.IN_PROGRESS)
    assert at_photos.lives(60, is_told=False)[0] == [60]
    assert (at_photos.trust.holds(), at_photos.missed) == (False, 1)
    assert "no webhook told that gu1 says in_progress" in caplog.text
    assert at_photos.lives(20, is_told=False)[0] == [5, 10, 15, 20]
    at_photos.tell()
    assert at_photos.trust.holds()
    assert at_photos.lives(60, is_told=False)[0] == [5]


def test_webhook_right_after_a_lost_one_is_enough(pair):
    pair.tell()
    pair.trust.lose()
    pair.tell()
    assert pair.trust.holds()


@pytest.mark.parametrize(("seconds", "missed"), [(5, 0), (30, 0), (35, 1)])
def test_news_whose_webhook_may_be_on_the_way_is_no_lost_one(at_photos, seconds, missed):
    at_photos.lives(120 - seconds)
    at_photos.changes(status=Status.IN_PROGRESS)
    assert at_photos.lives(seconds, is_told=False)[0] == [seconds]
    assert (at_photos.missed, at_photos.trust.holds()) == (missed, not missed)


def test_news_of_the_moment_of_the_read_is_no_lost_webhook(at_photos):
    async def changes():
        at_photos.changes(status=Status.IN_PROGRESS)

    at_photos.lives(115)
    at_photos.gu1.during["read_validation"] = changes
    assert at_photos.lives(TICK)[0] == [TICK]
    assert at_photos.onboardings.get(at_photos.own.id).validation.status is Status.IN_PROGRESS
    assert (at_photos.missed, at_photos.trust.holds()) == (0, True)


def test_webhook_and_read_that_bring_the_same_at_once_leave_it(at_photos):
    async def told_meanwhile():
        at_photos.tell(at_photos.own_id, status=Status.IN_PROGRESS)

    at_photos.lives(115)
    at_photos.gu1.during["read_validation"] = told_meanwhile
    assert at_photos.lives(TICK)[0] == [TICK]
    assert (at_photos.missed, at_photos.trust.holds()) == (0, True)


def test_news_that_a_webhook_had_read_is_no_lost_one(at_photos):
    assert at_photos.tell(at_photos.own_id, whole=False, **APPROVED) == "looked_up"
    assert at_photos.lives(TICK)[0] == [TICK]
    assert (at_photos.is_approved, at_photos.missed, at_photos.trust.holds()) == (True, 0, True)


def test_old_answer_of_gu1_is_no_news(at_photos):
    """One of its servers may lag behind what its webhook told."""
    at_photos.lives(60)
    before = at_photos.gu1.validations[at_photos.own_id]
    at_photos.tell(at_photos.own_id, status=Status.IN_PROGRESS)
    at_photos.gu1.validations[at_photos.own_id] = before
    assert at_photos.lives(60)[0] == [60]
    assert (at_photos.missed, at_photos.trust.holds()) == (0, True)


def test_change_of_no_known_time_is_taken_for_a_lost_one(at_photos):
    rows = at_photos.gu1.validations
    at_photos.lives(60)
    rows[at_photos.own_id] = replace(rows[at_photos.own_id], status=Status.IN_PROGRESS, updated_at=None)
    at_photos.lives(60, is_told=False)
    assert (at_photos.missed, at_photos.trust.holds()) == (1, False)


def test_session_that_the_portal_itself_closes_is_no_lost_one(at_photos, clock):
    clock.advance(days=7)
    at_photos.tell()
    at_photos.lives(TICK)
    assert at_photos.onboardings.get(at_photos.own.id).validation.ran_out
    assert (at_photos.missed, at_photos.trust.holds()) == (0, True)


def test_where_nothing_is_trusted_nothing_is_missed(pair):
    pair.opens()
    pair.lives(120, is_told=False)
    pair.changes(status=Status.IN_PROGRESS)
    pair.gu1.validations[pair.own_id] = replace(pair.gu1.validations[pair.own_id], updated_at=None)
    pair.lives(60, is_told=False)
    assert pair.missed == 0


# What the replicas share


@pytest.fixture
def second(app, config, clock, gu1, shared_engines):
    """Another portal on the same database."""
    portal, database = Flask("second"), shared_engines["second"].connect_to(config.database_url)
    add_services(portal, config, database, clock=clock, gu1=gu1, timings=Timings())
    return portal


@pytest.fixture
def second_trust(second):
    return second.extensions["portal"].onboardings.refresh_plan.webhook_trust


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_replicas_share_it_and_its_end(pair, second_trust, clock):
    def after_a_look():
        clock.advance(seconds=5)
        for replica in (pair.trust, second_trust):
            replica.measure()
        return pair.trust.holds(), second_trust.holds()

    pair.tell()
    assert after_a_look() == (True, True)
    second_trust.lose()
    assert (pair.trust.holds(), second_trust.holds()) == (True, False)
    assert after_a_look() == (False, False)
    pair.tell()
    assert after_a_look() == (True, True)


def test_the_runner_of_each_replica_looks(pair, second, second_trust):
    pair.tell()
    run_in_one_thread(runner_of(second).onboardings.work_until_idle())
    assert second_trust.holds()


def test_replica_that_cannot_look_trusts_nothing_after_a_while(pair, second_trust, clock):
    pair.tell()
    second_trust.measure()
    clock.advance(seconds=14)
    assert (pair.trust.holds(), second_trust.holds()) == (True, True)
    clock.advance(seconds=1)
    assert (pair.trust.holds(), second_trust.holds()) == (False, False)


def test_database_is_asked_every_few_seconds_only(pair, clock, monkeypatch):
    asked = []
    monkeypatch.setattr(SharedState, "next_turn", lambda _, name: asked.append(name))
    clock.advance(seconds=5)
    for _ in range(8):
        pair.trust.measure()
        clock.advance(seconds=1)
    assert asked == [TURN, TURN]


def test_webhooks_are_noted_every_few_seconds_only(pair, clock, monkeypatch):
    noted = []
    monkeypatch.setattr(SharedState, "set_turn", lambda _, _name, next_at: noted.append(next_at))
    for _ in range(8):
        pair.tell()
        clock.advance(seconds=1)
    assert noted == [NOW + timedelta(minutes=10), NOW + timedelta(minutes=10, seconds=5)]


@pytest.mark.parametrize(("minutes", "holds"), [(11, True), (21, False)])
def test_time_of_a_clock_that_ran_far_ahead_counts_for_nothing(pair, clock, monkeypatch, minutes, holds):
    monkeypatch.setattr(SharedState, "next_turn", lambda *_: clock() + timedelta(minutes=minutes))
    clock.advance(seconds=5)
    pair.trust.measure()
    assert pair.trust.holds() is holds


def test_nothing_is_trusted_while_the_database_is_away(pair, clock, monkeypatch):
    pair.tell()
    monkeypatch.setattr(SharedState, "next_turn", away)
    clock.advance(seconds=5)
    assert pair.trust.holds()
    with pytest.raises(StoreUnavailable):
        pair.trust.measure()
    assert not pair.trust.holds()


def test_work_goes_on_although_the_trust_cannot_be_looked_up(pair, monkeypatch):
    pair.opens()
    pair.changes(**APPROVED)
    monkeypatch.setattr(SharedState, "next_turn", away)
    pair.lives(TICK, is_told=False)
    assert pair.is_approved


def test_webhook_is_taken_although_it_cannot_be_noted(pair, monkeypatch):
    monkeypatch.setattr(SharedState, "set_turn", away)
    assert pair.tell() == "applied"
    assert not pair.trust.holds()


def test_lost_one_that_cannot_be_noted_ends_it_here_and_the_read_counts(at_photos, monkeypatch):
    at_photos.lives(60)
    monkeypatch.setattr(SharedState, "set_turn", away)
    at_photos.changes(**APPROVED)
    at_photos.lives(60, is_told=False)
    assert (at_photos.is_approved, at_photos.trust.holds()) == (True, False)
