"""The benches' killer knows a commit by what it changes, however few columns are written for that."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from e2e.bench.commit_kinds import CommitListener
from e2e.bench.kill_at_commit import KILL_FILE, CommitKiller, cancel_kill, plan_kill
from portal.domain.onboarding import StallReason
from portal.domain.status import Status
from portal.domain.validation import CreationState
from portal.store import write_turn
from portal.store.database import WRITE_TURN, make_engine
from portal.store.group_commit import RowChange
from portal.store.repository import Repository
from portal.store.shared_state import SharedState
from tests.databases import on_sqlite
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding

PATIENCE = 10.0
LATER = NOW + timedelta(minutes=1)
PLANNED = a_validation()
SENT = replace(PLANNED, creation_state=CreationState.SENT, sends=1, sent_at=NOW)
ADOPTED = replace(an_adopted_validation(), nonce=SENT.nonce)
ANOTHER = replace(an_adopted_validation(), nonce="another")
OPENED = replace(ADOPTED, opened_at=LATER)
IN_REVIEW, APPROVED = replace(OPENED, status=Status.IN_REVIEW), replace(OPENED, status=Status.APPROVED)
SECOND = replace(PLANNED, number=2, nonce="second")
LOOKED = replace(OPENED, refreshes=5)
STOPPED = {"validation": ADOPTED, "stopped_at": LATER}
CANCELLED = replace(ADOPTED, status=Status.CANCELLED)


class Commits:
    """The kinds of each commit of an engine, as they are told before and after it."""

    def __init__(self, engine):
        self.told, self.is_on = {"before": [], "after": []}, True
        listener = CommitListener(lambda: self.is_on, lambda when, kinds: self.told[when].append(kinds))
        listener.listen(engine, engine.pool)

    @property
    def kinds(self):
        counted = {when: [parts for parts in told if any(parts)] for when, told in self.told.items()}
        assert counted["before"] == counted["after"]
        return counted["before"]

    def forget(self):
        self.told = {"before": [], "after": []}


@pytest.fixture
def own_engine(migrated_url):
    """One that no other test has, because what listens to it cannot be taken away."""
    engine = make_engine(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(own_engine, cipher):
    return Repository(own_engine, cipher)


@pytest.fixture
def commits(own_engine):
    return Commits(own_engine)


def change(store, onboarding_id, **changes):
    with store.locked(onboarding_id) as row:
        row.save(replace(row.onboarding, **changes))


@pytest.mark.parametrize(
    ("kind", "before", "changes"),
    [
        ("sent", {"validation": PLANNED}, {"validation": SENT, "entity_id": "entity-1", "details": None}),
        ("sent", {"validation": PLANNED, "entity_id": "entity-1"}, {"validation": SENT}),
        ("unsure", {"validation": SENT, "lease_until": LATER}, {"failures": 1, "lease_until": None, "due_at": LATER}),
        ("adopted", {"validation": SENT}, {"validation": ADOPTED}),
        ("adopted", {"validation": SENT}, {"validation": IN_REVIEW}),
        ("opened", {"validation": ADOPTED}, {"validation": OPENED}),
        ("opened", {"validation": replace(ADOPTED, refreshes=5)}, {"validation": OPENED, "due_at": LATER}),
        ("moved", {"validation": OPENED}, {"validation": IN_REVIEW}),
        ("verdict", {"validation": LOOKED}, {"validation": APPROVED, "due_at": None}),
        ("looked", {"validation": OPENED}, {"validation": LOOKED, "due_at": LATER}),
        ("looked", {"validation": IN_REVIEW}, {"validation": replace(IN_REVIEW, refreshes=1)}),
        ("retry", {"validation": replace(OPENED, status=Status.REJECTED)}, {"validation": SECOND}),
        ("readopted", {"validation": replace(SENT, number=2)}, {"validation": replace(ADOPTED, number=2)}),
        ("stopped", {"validation": ADOPTED}, {"stopped_at": LATER, "details": None, "due_at": LATER}),
        ("stopped", {"validation": SENT}, {"stopped_at": LATER, "due_at": None}),
        ("cancelled", STOPPED, {"validation": CANCELLED, "due_at": None}),
        ("cancelled", STOPPED | {"validation": CANCELLED}, {"due_at": None}),
        ("saved", STOPPED, {"failures": 1, "due_at": LATER}),
        ("saved", {"validation": ADOPTED}, {"due_at": LATER}),
        ("saved", {"validation": OPENED}, {"validation": replace(OPENED, returned_at=LATER)}),
        ("saved", {"validation": SENT}, {"validation": PLANNED, "stall_reason": StallReason.UNAVAILABLE}),
        ("saved", {"validation": SENT}, {"validation": replace(SENT, empty_looks=1)}),
        ("saved", {}, {"validation": PLANNED}),
    ],
)
def test_a_commit_is_told_by_what_changed(store, commits, kind, before, changes):
    added = store.add(an_onboarding(**before))
    commits.forget()
    change(store, added.id, **changes)
    assert commits.kinds == [[{kind}]]


def test_a_save_that_changes_nothing_is_no_kind_of_commit(store, commits):
    added = store.add(an_onboarding(validation=ADOPTED))
    commits.forget()
    change(store, added.id)
    assert commits.kinds == []


def test_commits_of_many_onboardings_at_once_and_of_new_ones(store, commits):
    added = store.add(an_onboarding())
    assert store.add(replace(added, id="sent-twice")) == added
    assert store.claim(now=LATER, lease_until=LATER, limit=1)
    store.record_views([added.id], [added.id], LATER)
    assert commits.kinds == [[{"intent"}], [{"claim"}], [{"watched"}]]


def test_a_webhook_is_also_what_it_changes(store, commits, own_engine):
    added = store.add(an_onboarding(validation=OPENED))
    commits.forget()
    with store.locked(added.id) as row:
        row.remember_webhook("digest", NOW)
        row.save(replace(row.onboarding, validation=APPROVED))
    SharedState(own_engine).remember_webhook("another", NOW)
    assert commits.kinds == [[{"webhook", "verdict"}], [{"webhook"}]]


def test_changes_that_share_a_transaction_are_told_each(store, commits):
    opened, sent = (store.add(an_onboarding(validation=it)) for it in (OPENED, replace(SENT, nonce="another")))
    commits.forget()
    verdict = RowChange(gu1_id=OPENED.gu1_id, make=lambda row: row.save(replace(row.onboarding, validation=APPROVED)))
    adoption = RowChange(onboarding_id=sent.id, make=lambda row: row.save(replace(row.onboarding, validation=ANOTHER)))
    assert store._locks.change_together([verdict, adoption]) == []
    assert [sorted(parts, key=str) for parts in commits.kinds] == [[{"adopted"}, {"verdict"}]]
    assert store.get(opened.id).validation.status is Status.APPROVED


def test_what_is_rolled_back_is_no_commit(store, commits):
    added = store.add(an_onboarding(validation=OPENED))
    commits.forget()
    with pytest.raises(KeyError), store.locked(added.id) as row:
        row.save(replace(row.onboarding, validation=APPROVED))
        raise KeyError
    assert commits.kinds == []


def test_nothing_is_read_while_no_kill_is_planned(store, commits):
    commits.is_on = False
    store.add(an_onboarding())
    assert commits.told == {"before": [], "after": []}


@on_sqlite
def test_those_who_share_a_commit_are_told_apart(store, commits, own_engine, monkeypatch):
    """Also if two change the same onboarding, and if one of them fails."""
    monkeypatch.setattr(write_turn, "_LONGEST_SHARED", PATIENCE)
    added, other = store.add(an_onboarding(validation=ADOPTED)), store.add(an_onboarding())
    commits.forget()

    def failing():
        with pytest.raises(KeyError), store.locked(other.id) as row:
            row.save(replace(row.onboarding, stopped_at=LATER))
            raise KeyError

    following = (
        lambda: change(store, added.id, validation=APPROVED),
        failing,
        lambda: change(store, other.id, failures=3),
    )
    with ThreadPoolExecutor(len(following)) as threads:
        with store.locked(added.id) as row:
            started = []
            for work in following:
                started.append(threads.submit(work))
                await_turns(own_engine, len(started))
            row.save(replace(row.onboarding, validation=OPENED))
        for one in started:
            one.result(PATIENCE)
    assert commits.kinds == [[{"opened"}, {"verdict"}, {"saved"}]]


def await_turns(engine, waiting):
    turn, deadline = engine.get_execution_options()[WRITE_TURN], time.monotonic() + PATIENCE
    while len(turn._waiting) < waiting:
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def deaths(monkeypatch):
    found = []
    monkeypatch.setattr(os, "killpg", lambda _group, how: found.append(how))
    return found


def test_the_nth_commit_of_the_kind_kills_once(tmp_path, deaths):
    server = SimpleNamespace(env={KILL_FILE: str(tmp_path / "kill")})
    told = CommitKiller(Path(server.env[KILL_FILE])).told
    told("before", [{"webhook", "verdict"}])
    plan_kill(server, "before", "verdict", nth=3)
    told("before", [{"webhook"}, {"verdict"}])
    told("after", [{"verdict"}, {"verdict"}])
    assert deaths == []
    told("before", [{"webhook", "verdict"}, {"verdict"}])
    told("before", [{"verdict"}])
    assert deaths == [signal.SIGKILL]
    plan_kill(server, "after", "stopped")
    cancel_kill(server)
    told("after", [{"stopped"}])
    assert deaths == [signal.SIGKILL]
