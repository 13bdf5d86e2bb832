"""The simulation of docs/scale.md: what it says of the budget and of gu1's limit."""

from __future__ import annotations

from e2e.bench.many_replicas import an_hour, simulated


def test_budget_is_never_exceeded_and_people_at_their_page_come_first():
    hour = an_hour(limit=100, watched=5, unwatched=20)
    assert 90 <= hour.reads <= 100
    assert hour.watched == hour.reads
    calm = an_hour(limit=1000, watched=1, unwatched=50, shortest=60.0)
    assert calm.watched < calm.reads <= 1000


def test_processes_that_fit_gu1s_limit_use_it_and_too_many_still_finish():
    fitting = simulated(ceiling=4, allowed=50.0, offered=10.0, processes=4)
    assert fitting.finished > 9 and fitting.refused < 0.1
    crowded = simulated(ceiling=200, allowed=50.0, offered=18.0, processes=40)
    assert 0 < crowded.finished <= 12.5
    assert crowded.at_once < 200
