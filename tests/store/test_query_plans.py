"""No query walks through a table that grows with the onboardings: each is found by an index, on both databases."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, insert, select, text

from e2e.bench.filling import fill
from portal.domain.reference import reference_of
from portal.services.change_history import Action, Actor, HistoryEntry
from portal.services.notification import UPDATED, Notice
from portal.services.ports import IdempotentRequest, ListPosition
from portal.services.problems import Problem
from portal.store.history import History
from portal.store.locked_onboarding import Consequences
from portal.store.onboarding_retention import OnboardingRetention
from portal.store.onboarding_search import OnboardingSearch
from portal.store.outbox import Outbox
from portal.store.poll_reader import POLL
from portal.store.reminder_queue import ReminderQueue
from portal.store.repository import Repository
from portal.store.shared_state import WEBHOOK, SharedState
from portal.store.tables import events, idempotency_keys, onboardings, webhook_deliveries
from portal.store.wait_reader import WaitReader
from tests.factories import NOW, an_adopted_validation, an_onboarding

BIG = {
    "onboardings",
    "validations",
    "customers",
    "customer_purposes",
    "idempotency_keys",
    "events",
    "history",
    "webhook_deliveries",
    "start_counters",
}
SMALL_INDEXES = {
    *(
        "ix_onboardings_waiting",
        "ix_onboardings_calm",
        "ix_onboardings_flood",
        "ix_onboardings_watched",
        "ix_onboardings_unsubmitted",
        "ix_onboardings_personal",
    ),
    *("ix_onboardings_person", "ix_onboardings_verification_check_at", "ix_onboardings_reverification_due_at"),
    *("ix_onboardings_reminder_due_at", "ix_onboardings_erasure_asked_at"),
    *("ix_onboardings_verified", "ix_onboardings_failing", "ix_validations_held", "ix_validations_without_page"),
    *("ix_events_waiting", "ix_events_waiting_of_partner", "ix_events_delivered", "ix_events_undelivered"),
}
"""Of the few rows that are waiting for something. Reading one of them whole is no walk through the table."""
READ_FROM_AN_END = {"ix_events_created_at"}
"""Up to a limit, for `list_events`."""
EXPLAINED = ("SELECT", "UPDATE", "DELETE", "WITH")
LEASE = NOW + timedelta(seconds=30)
LATER = NOW + timedelta(days=60)


@pytest.fixture
def executed(engine):
    """Each statement that is executed, once, with parameters of one of its executions."""
    found = {}

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if statement.lstrip().startswith(EXPLAINED):
            found.setdefault(statement, parameters)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def due_now(row):
    row.save(replace(row.onboarding, due_at=NOW))


def entry(**changes):
    given = {"at": NOW, "actor": Actor.RULE, "action": Action.CHANGED, "attempt": 1}
    return HistoryEntry(**given | {"new_status": "pending", "new_stage": "preparing"} | changes)


def notice(_before, _after):
    return [Notice(UPDATED, NOW, "{}")]


def fill_the_rest(engine):
    """Delivered events, keys and webhooks of the finished onboardings."""
    with engine.begin() as connection:
        owners = connection.scalars(select(onboardings.c.id)).all()
        numbered = list(enumerate(owners))
        old = NOW - timedelta(days=40)
        connection.execute(
            insert(events),
            [
                {"id": f"evt_{n}", "partner": f"p{n % 9}", "onboarding_id": it, "sequence": 1, "payload": "{}"}
                | {"created_at": old, "attempts": 1, "delivered_at": old}
                for n, it in numbered
            ],
        )
        keys = {"partner": "shop", "fingerprint": "f", "is_new": True, "response": "{}", "created_at": NOW}
        connection.execute(
            insert(idempotency_keys), [keys | {"key": f"k{n}", "onboarding_id": it} for n, it in numbered]
        )
        hashes = [{"body_sha256": f"{n}", "received_at": NOW} for n, _ in numbered]
        connection.execute(insert(webhook_deliveries), hashes)
        connection.execute(text("ANALYZE"))


def use_everything(engine, cipher):
    store = Repository(
        engine, cipher, Consequences(notify_of=notice, record_of=lambda _before, _after, _cause: entry())
    )
    outbox, shared, search, history = Outbox(engine), SharedState(engine), OnboardingSearch(engine), History(engine)
    ReminderQueue(engine).claim_reminders(NOW, again_at=LATER, limit=9)
    OnboardingRetention(engine).forget_erased_customers()
    one = store.add(an_onboarding(partner="shop", external_id="c-0", entity_id="e", validation=an_adopted_validation()))
    store.add(an_onboarding(submission=one.submission))
    use_store(store, one)
    with store.locked(one.id) as row:
        row.save(one)
        row.other_attempt("other")
    use_outbox(outbox)
    shared.remember_webhook("a", NOW)
    shared.has_webhook("a")
    shared.purge_webhooks(LATER, limit=9)
    shared.purge_idempotency_keys(LATER, limit=9)
    for name in (one.external_id, reference_of(one.id)):
        search.ids_of(name)
    search.attempts_of(one.id)
    search.count_problems(NOW)
    for problem in Problem:
        search.list_problems(problem, now=NOW, limit=9)
    history.newest_entries(one.id, limit=9)
    WaitReader(engine).last_waits([("waiting", "AR"), ("in_review", "BR")], NOW, limit=9)
    with store.locked(one.id) as row:
        row.erase(one)


def use_store(store, one):
    request = IdempotentRequest(key="k", fingerprint="f", is_same=lambda _fingerprint: True)
    for purpose in (None, None, "credit", "credit"):
        fresh = an_onboarding(partner="shop", external_id="c-1", purpose=purpose, submission=None)
        store.add_for_customer(fresh, idempotent=request, reuse=lambda it: it, respond=lambda _it: "{}")
    store.get(one.id)
    for customer in ({"external_id": None, "purpose": None}, {"external_id": "c-0", "purpose": "credit"}):
        for after in (None, ListPosition(NOW, one.id)):
            store.list_of_partner("shop", **customer, created_after=NOW, after=after, limit=9)
    store.used_entities("shop", "c-0", limit=9)
    store.poll_state(one.id)
    store.find_by_session("s")
    store.find_by_validation(one.validation.gu1_id)
    for locked in (store.locked_by_validation(one.validation.gu1_id), store.locked_by_nonce(one.validation.nonce)):
        with locked:
            pass
    for together in (store.change(one.id, due_now), store.change_by_validation(one.validation.gu1_id, due_now)):
        together.result()
    store.adopted_ids([one.validation.gu1_id])
    store.closed_nonces(one.id)
    store.other_attempts(one.id)
    store.is_shared_with_unanswered(one)
    for moment in (NOW, NOW - timedelta(days=1)):
        store.next_due(moment)
    store.claim(now=NOW, lease_until=LEASE, limit=9)
    store.record_views([one.id], [one.id], NOW)
    store.record_views([one.id], [one.id], NOW, LATER)
    store.count_watched(NOW)
    store.start_verification_checks(NOW, limit=9)
    store.forget_earlier_verifications(one)
    with store.reading_attempts() as find:
        find(one, "person", NOW, NOW)
    store.forget_persons(LATER, limit=9)
    store.purge_details(LATER, limit=9)


def use_outbox(outbox):
    for moment in (NOW, NOW - timedelta(days=1)):
        outbox.next_due(moment)
    outbox.due_partners(NOW)
    (claimed,) = outbox.claim("shop", now=NOW, lease_until=LEASE, limit=1)
    outbox.retry_later(claimed, due_at=NOW, outcome="HTTP 500")
    outbox.postpone_all("shop", now=NOW, until=NOW, outcome="none")
    for partner in (None, "shop"):
        for undelivered_only in (False, True):
            outbox.list_events(partner, undelivered_only=undelivered_only, limit=9)
    outbox.events_of(claimed.onboarding_id, limit=9)
    outbox.resend([claimed.id], NOW)
    list(outbox.resend_undelivered("shop", NOW))
    outbox.purge_delivered(LATER, limit=9)


def test_every_query_finds_its_rows_by_an_index(engine, cipher, executed):
    fill(engine, 2000, in_order=True)
    fill_the_rest(engine)
    executed.clear()
    use_everything(engine, cipher)
    explain = sqlite_walks if engine.dialect.name == "sqlite" else postgresql_walks
    executed |= {f"{it.text} IN ('a', 'b')": () for it in (POLL, WEBHOOK)}  # past SQLAlchemy, which tells of the others
    for statement, values in executed.items():
        assert explain(engine, statement, values) == [], statement.partition("FROM")[2]
    assert len(executed) > 40


@pytest.mark.parametrize("walk", ["SELECT id FROM onboardings WHERE country = 'BR'", "SELECT count(*) FROM history"])
def test_walk_through_a_table_is_seen(engine, walk):
    fill(engine, 100, in_order=True)
    explain = sqlite_walks if engine.dialect.name == "sqlite" else postgresql_walks
    assert explain(engine, walk, ()) != []


def sqlite_walks(engine, statement, values):
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    scans = [re.fullmatch(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?(?: LEFT-JOIN)?", row[3]) for row in plan]
    return [it[0] for it in scans if it and it[1] in BIG and it[2] not in SMALL_INDEXES | READ_FROM_AN_END]


def postgresql_walks(engine, statement, values):
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # a thousand rows are read faster without an index
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar()
    tree = json.loads(plan) if isinstance(plan, str) else plan
    return [it for node in nodes(tree[0]["Plan"]) if (it := walk_of(node))]


def nodes(node):
    yield node
    for part in node.get("Plans", []):
        yield from nodes(part)


def walk_of(node):
    kind, table, index = node["Node Type"], node.get("Relation Name"), node.get("Index Name")
    if kind == "Seq Scan" and table in BIG:
        return f"Seq Scan on {table}"
    is_whole = "Index" in kind and "Scan" in kind and index and "Index Cond" not in node
    return f"all of {index}" if is_whole and index not in SMALL_INDEXES | READ_FROM_AN_END else None
