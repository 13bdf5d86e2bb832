"""`portal status` as an operator, or a script, runs it."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.domain.onboarding import StallReason
from portal.services.change_history import ChangeRecorder
from portal.services.validation_plan import Policy
from portal.store.encryption import ColumnCipher
from portal.store.locked_onboarding import Consequences
from portal.store.repository import Repository
from tests.databases import on_both_databases
from tests.factories import an_onboarding

KEY = "hush-7Kd2mQx9vTzW4cLr8YbNq5hFe1u"
NOW = datetime.now(UTC)


@pytest.fixture
def status(migrated_url):
    env = {
        "PORTAL_DATABASE_URL": migrated_url,
        "PORTAL_SECRET_KEYS": KEY,
        "GU1_API_KEY": KEY,
        "GU1_WEBHOOK_SECRETS": KEY,
        "GU1_HOURLY_BUDGET": "100",
    }
    return lambda *options, **changes: CliRunner().invoke(main, ["status", *options], env=env | changes)


@pytest.fixture
def store(database):
    recorder = ChangeRecorder(lambda _: Policy(max_attempts=3, double_check_renaper=True), lambda: NOW)
    return Repository(database, ColumnCipher([KEY]), Consequences(record_of=recorder))


@on_both_databases
def test_all_is_well(status, store):
    store.add(an_onboarding(due_at=NOW + timedelta(hours=1)))
    result = status("--json")
    facts = json.loads(result.output)
    assert (result.exit_code, facts["attention"], facts["gu1"]) == (0, [], "ok")
    assert facts["stages"] == {"details": 1}
    assert (facts["due"], facts["budget"]) == (0, {"limit": 100, "spent": 0})


@on_both_databases
def test_work_that_nobody_takes_up_wants_a_look(status, store):
    store.add(an_onboarding(due_at=NOW - timedelta(minutes=11)))
    result = status()
    assert result.exit_code == 2
    assert re.search(r"1 due, the oldest for \d:\d\d:", result.output)
    assert "LOOK: 1 stuck: overdue" in result.output and "do the portal's processes run?" in result.output


def test_gu1_that_fails_wants_a_look(status, store):
    store.add(replace(an_onboarding(due_at=NOW), failures=3, stall_reason=StallReason.REFUSED))
    result = status("--json")
    facts = json.loads(result.output)
    assert (result.exit_code, facts["gu1"], facts["failing"]["refused"]) == (2, "failing", 1)


def test_database_that_is_not_there_is_not_all_well(status, tmp_path):
    result = status(PORTAL_DATABASE_URL=f"sqlite:///{tmp_path / 'none' / 'portal.db'}")
    assert result.exit_code == 1


def test_nothing_personal_is_shown(status, store):
    store.add(an_onboarding(due_at=NOW))
    assert "30111222" not in status().output + status("--json").output
