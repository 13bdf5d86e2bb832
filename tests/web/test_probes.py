import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tests.databases import on_both_databases
from tests.page import APPLICANT

TOKEN = "m3trics-Token-0f-the-tests"


def test_the_portal_is_alive_and_ready(visitor):
    for path in ("/healthz", "/readyz"):
        answer = visitor.get(path)
        assert (answer.status, answer.json) == (200, {"status": "ok"})


@on_both_databases
def test_without_its_database_it_is_alive_but_not_ready(visitor, sql):
    sql("ALTER TABLE onboardings RENAME TO away")
    answer = visitor.get("/readyz")
    assert (answer.status, answer.response.mimetype) == (503, "application/problem+json")
    assert visitor.get("/healthz").status == 200


@pytest.mark.own_database_file
def test_a_file_that_is_no_database_is_not_ready(visitor, config):
    Path(config.database.database).write_bytes(b"this is no database" * 1000)
    assert visitor.get("/readyz").status == 503
    assert visitor.get("/").status == 200


@on_both_databases
def test_it_is_ready_again_when_the_database_is(visitor, sql):
    sql("ALTER TABLE onboardings RENAME TO away")
    visitor.get("/readyz")
    sql("ALTER TABLE away RENAME TO onboardings")
    assert visitor.get("/readyz").status == 200


@on_both_databases
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("host", ["10.0.7.12:8000", "evil.example", "[fd00::7]:8000", "portal", "", "a b"])
def test_probes_answer_whatever_host_they_are_asked_as(ask, path, host):
    answer = ask("GET", path, headers={"Host": host})
    assert answer.status_code == 200
    assert path == "/metrics" or answer.get_json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/", "/embed.js", "/api/v1/openapi.json", "/nothing"])
def test_everything_else_answers_to_its_own_host_only(ask, path):
    assert ask("GET", path, headers={"Host": "10.0.7.12:8000"}).status_code == 400


@pytest.mark.long
def test_database_that_takes_no_writes_is_not_ready(visitor, config):
    with sqlite3.connect(config.database.database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert visitor.get("/readyz").status == 503
        assert visitor.get("/healthz").status == 200


def test_metrics_count_what_happened(visitor):
    fields = visitor.get("/").fields | APPLICANT
    visitor.post("/", fields)
    visitor.post("/", fields)
    page = visitor.get("/metrics")
    assert page.response.mimetype == "text/plain"
    assert 'portal_started_total{country="AR"} 1.0' in page.html


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_operators_pages_are_read_only(visitor, path):
    answer = visitor.post(path)
    assert (answer.status, answer.response.mimetype) == (405, "application/problem+json")


@pytest.mark.asvs("13.4.5")
@pytest.mark.parametrize(
    ("changes", "authorization", "status"),
    [
        ({"metrics_token": TOKEN}, f"Bearer {TOKEN}", 200),
        ({"metrics_token": TOKEN}, None, 401),
        ({"metrics_token": TOKEN}, "Bearer ", 401),
        ({"metrics_token": TOKEN}, f"Bearer {TOKEN}x", 401),
        ({"metrics_token": TOKEN}, f"Basic {TOKEN}", 401),
        ({"metrics_token": TOKEN}, "Bearer ñ", 401),
        ({"metrics_port": 9100}, f"Bearer {TOKEN}", 404),
    ],
)
def test_metrics_are_kept_from_strangers(app, ask, changes, authorization, status):
    here = app.extensions["portal"]
    app.extensions["portal"] = replace(here, config=here.config.model_copy(update=changes))
    headers = {"Authorization": authorization.encode().decode("latin-1")} if authorization else {}
    answer = ask("GET", "/metrics", headers=headers)
    assert (answer.status_code, "portal_stopped_total" in answer.text) == (status, status == 200)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
