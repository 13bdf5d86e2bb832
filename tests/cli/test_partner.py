"""What an operator sees of notifications, and how they are sent again."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.store.outbox import Outbox
from tests.databases import on_both_databases
from tests.factories import NOW
from tests.store.outbox import add_events, notifying_store

KEY = "hush-hush-hush-hush-hush-hush-hush"


@pytest.fixture
def partner(migrated_url):
    """Runs `portal partner …`."""
    env = {
        "PORTAL_DATABASE_URL": migrated_url,
        "PORTAL_SECRET_KEYS": KEY,
        "GU1_API_KEY": KEY,
        "GU1_WEBHOOK_SECRETS": KEY,
    }

    def run(*command, **changes):
        result = CliRunner().invoke(main, ["partner", *command], env=env | changes)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.fixture
def outbox(database):
    return Outbox(database)


@pytest.fixture
def three_events(database, outbox):
    """Three of shop's, the first delivered and the second given up, and one of bank's."""
    repository = notifying_store(database)
    onboarding = add_events(repository, times=3)
    add_events(repository, partner="bank", at=NOW - timedelta(hours=1))
    first, second, _ = outbox.claim("shop", now=NOW, lease_until=NOW + timedelta(seconds=40), limit=3)
    outbox.delivered(first, now=NOW + timedelta(seconds=2), outcome="HTTP 204")
    outbox.retry_later(second, due_at=None, outcome="gone")
    return onboarding


def table(result):
    """Rows as they are told apart by partner and sequence."""
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines()]
    return {(row[1], row[3]): row for row in rows if row[0].startswith("evt_")}


@on_both_databases
def test_what_has_not_arrived_is_listed(partner, three_events):
    rows = table(partner("deliveries"))
    assert set(rows) == {("shop", "2"), ("shop", "3"), ("bank", "1")}
    given_up = rows["shop", "2"]
    assert given_up[2] == three_events.id
    assert given_up[4:] == ["pending", "2026-03-02T12:00:00Z", "1", "given", "up", "gone"]


def test_all_of_one_partner_are_listed_newest_first(partner, three_events):
    rows = table(partner("deliveries", "shop", "--all"))
    assert list(rows) == [("shop", "3"), ("shop", "2"), ("shop", "1")]
    assert rows["shop", "1"][-4:] == ["delivered", "2026-03-02T12:00:02Z", "HTTP", "204"]


def test_a_limit_says_that_there_may_be_more(partner, three_events):
    result = partner("deliveries", "--limit", "2")
    assert len(table(result)) == 2
    assert "--limit" in result.output


def test_nothing_to_list_is_said(partner):
    assert table(partner("deliveries")) == {}
    assert partner("deliveries").output.strip()


@on_both_databases
def test_single_events_are_made_due_again(partner, three_events):
    given_up = table(partner("deliveries"))["shop", "2"][0]
    assert partner("resend", given_up).exit_code == 0
    row = table(partner("deliveries"))["shop", "2"]
    assert row[6:8] == ["0", "due"]


def test_an_unknown_event_is_named(partner, three_events):
    known = table(partner("deliveries"))["shop", "2"][0]
    result = partner("resend", known, "evt_nobody")
    assert result.exit_code == 1 and "evt_nobody" in result.output
    assert table(partner("deliveries"))["shop", "2"][7] == "due"


def test_all_undelivered_of_a_partner_are_made_due_again(partner, three_events):
    result = partner("resend", "--partner", "shop", "--undelivered")
    assert result.exit_code == 0 and "2" in result.output
    assert table(partner("deliveries", "--all"))["shop", "1"][7] == "delivered"


@pytest.mark.parametrize("command", [(), ("--partner", "shop"), ("--undelivered",), ("evt_1", "--partner", "shop")])
def test_half_a_wish_is_refused(partner, three_events, command):
    assert partner("resend", *command).exit_code == 2
    assert table(partner("deliveries"))["shop", "2"][7:9] == ["given", "up"]


def test_a_database_without_the_schema_is_a_message(partner, tmp_path):
    result = partner("deliveries", PORTAL_DATABASE_URL=f"sqlite:///{tmp_path / 'fresh.db'}")
    assert result.exit_code == 1
    assert "portal migrate" in result.output


def test_deliveries_and_resend_for_other_programs(partner, three_events):
    listed = json.loads(partner("deliveries", "--json").stdout)
    assert listed and {"event", "partner", "last_outcome"} <= listed[0].keys()
    assert json.loads(partner("resend", listed[0]["event"], "--json").stdout) == {"scheduled": 1}
