"""Many people look and the runner asks often, but few writes say so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.domain.timings import Timings
from portal.services.refresh_plan import RefreshPlan
from portal.services.view_recorder import VIEW_RECORDED_EVERY, ViewRecorder
from portal.services.webhook_trust import NO_TRUST
from tests.factories import NOW, an_onboarding


class Writes:
    def __init__(self):
        self.viewed = []

    def record_views(self, viewed, _came, _now, _told_by):
        self.viewed.append(sorted(viewed))
        return []


@pytest.fixture
def writes():
    return Writes()


@pytest.fixture
def views(writes, clock):
    plan = RefreshPlan(Timings(), NO_TRUST)
    return ViewRecorder(writes, plan, clock=clock, wake=lambda: None, request_refresh=lambda _id: None)


def stays(name):
    return an_onboarding(id=name, watched_at=NOW - VIEW_RECORDED_EVERY - timedelta(seconds=1))


def comes(name):
    return an_onboarding(id=name, watched_at=None)


def test_those_who_stay_are_saved_together_once_a_second(views, writes, clock):
    for number in range(12):
        views.note(stays(f"stays {number}"), clock())
        views.save()
        clock.advance(seconds=0.25)
    saved_together = [["stays 0"], [f"stays {n}" for n in (1, 2, 3, 4)], [f"stays {n}" for n in (5, 6, 7, 8)]]
    assert writes.viewed == saved_together


def test_those_who_come_are_saved_at_once_and_take_the_others_along(views, writes, clock):
    views.note(stays("first"), clock())
    views.save()
    views.note(stays("stays"), clock())
    views.save()
    views.note(comes("comes"), clock())
    views.save()
    assert writes.viewed == [["first"], ["comes", "stays"]]


def test_a_clock_that_is_set_back_holds_nobody_up(views, writes, clock):
    views.note(stays("before"), clock())
    views.save()
    clock.advance(seconds=-3600)
    views.note(stays("after"), NOW)
    views.save()
    assert writes.viewed == [["before"], ["after"]]
