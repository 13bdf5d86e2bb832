"""A sixth of the kinds of fault, on the databases in turn; `make test-all` tries each, `make faults` at every point."""

from __future__ import annotations

import os

import pytest
from flask import Flask
from sqlalchemy import create_engine, update

from e2e.bench.matrix.browser import Browser
from e2e.bench.matrix.catalogue import DATABASES, FAULTS
from e2e.bench.matrix.databases import NoServer
from e2e.bench.matrix.findings import Findings
from e2e.bench.matrix.journeys import JOURNEYS
from e2e.bench.matrix.judging import Judge
from e2e.bench.matrix.person import Person
from e2e.bench.matrix.runner import report_of, results
from e2e.in_process_rig import API_KEY, rig
from portal.store.tables import validations

SEED = 1
PATIENCE = 30.0
"""Seconds; other tests may run at the same time."""
LINK = '<html lang="en"><head><title>x</title></head><body><h1>x</h1><a href="/o/t">on</a></body></html>'


@pytest.mark.parametrize("share", [6, pytest.param(1, marks=pytest.mark.slow)], ids=["a-sixth", "all"])
def test_no_fault_leaves_anybody_lost_stuck_or_charged_twice(share):
    databases, missing, size = DATABASES, None, len(FAULTS) // share
    try:
        found = tried(databases, size)
    except NoServer as error:
        databases, missing = DATABASES[:1], str(error)
        found = tried(databases, size)
    unclean = [report_of(result, SEED) for result in found if not result.is_clean]
    assert not unclean, "\n\n".join(unclean)
    wanted = {name for name, fault in FAULTS.items() if set(fault.databases) & set(databases)}
    assert len(wanted & {result.case.fault for result in found}) == min(size, len(wanted))
    if missing:
        pytest.skip(f"all well on SQLite, but {missing}")


@pytest.fixture
def arrived(tmp_path):
    """A person who was approved, with the judge and its findings."""
    findings = Findings()
    with rig(tmp_path, hurries=True) as it:
        person = Person(it, findings, lambda _: None, lambda _: False)
        JOURNEYS["approve"].walk(person)
        yield it, Judge(it, person, findings), findings


def test_judge_has_nothing_to_say_of_a_day_without_faults(arrived):
    _, judge, findings = arrived
    judge.judge(JOURNEYS["approve"])
    assert findings.notes == []


def test_judge_sees_a_twin_that_was_shown_and_charged(arrived):
    it, judge, findings = arrived
    paid = it.mock.state.validations()[0]
    body = {"entityId": paid.entity_id, "integrationCode": it.mock.settings.integration_code, "metadata": paid.metadata}
    headers = {"Authorization": f"Bearer {API_KEY}"}
    twin = it.client.post(f"{it.mock_url}/api/kyc/validations", json=body, headers=headers).json()
    it.client.get(twin["providerSessionUrl"])
    it.tell(f"validations/{twin['id']}/outcome", outcome="approve")
    judge.judge(JOURNEYS["approve"])
    assert findings.counts["double"]
    assert any("opened and is not adopted" in note for note in findings.notes)


def test_judge_sees_a_verdict_that_is_not_the_one_of_gu1(arrived):
    it, judge, findings = arrived
    findings.patience = 0.2
    with create_engine(it.database_url).begin() as connection:
        connection.execute(update(validations).values(status="rejected", reason="unspecified"))
    judge.judge(JOURNEYS["approve"])
    assert any("disagree" in note for note in findings.notes)


@pytest.mark.parametrize(
    ("answer", "is_bare"),
    [
        (("oh no", 500), True),
        (("back soon", 503, {"Retry-After": "5"}), True),
        ((LINK, 503), True),
        ((LINK, 503, {"Retry-After": "5"}), False),
        ((LINK, 200), False),
        (("{}", 503, {"Retry-After": "5", "Content-Type": "application/problem+json"}), False),
        (("{}", 503, {"Content-Type": "application/problem+json"}), True),
    ],
)
def test_only_a_503_with_a_way_on_is_no_bare_failure(answer, is_bare):
    app, findings = Flask("any"), Findings()
    app.add_url_rule("/o/t/status", view_func=lambda: answer)
    Browser(app, findings).get("/o/t/status")
    assert bool(findings.counts["bare"]) is is_bare


def test_exception_that_no_page_caught_is_a_bare_failure():
    app, findings = Flask("any"), Findings()
    app.testing = True
    app.add_url_rule("/", endpoint="broken", view_func=lambda: {}["nothing"])
    Browser(app, findings).get("/")
    assert findings.counts["bare"]


def tried(databases, size):
    processes = max(2, os.cpu_count() or 2)
    return results(seed=SEED, size=size, databases=databases, patience=PATIENCE, processes=processes)
