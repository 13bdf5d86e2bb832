"""The history of the installation: what each command and a reload leave in it, and how it is shown."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy import text

from portal.cli import main
from portal.cli.installation_notes import note_reload, operator
from portal.config import FIELDS, SECRETS
from portal.domain.installation_change import InstallationChange
from portal.partners.registry import Partner, Registry, hash_of_key, new_key, new_signing_secret
from portal.store.database import alembic_config
from portal.store.encryption import ColumnCipher
from portal.store.installation_history import InstallationHistory
from portal.store.repository import Repository
from tests.conftest import WEBHOOK_SECRET
from tests.databases import on_both_databases
from tests.factories import NOW, an_onboarding
from tests.ports import free_port
from tests.store.outbox import add_events, notifying_store

KEY = "7Kd2mQx9vTzW4cLr8YbNq5hFe1uXp3sZ"
PASSWORD = "planted-password-of-the-database"
UNREACHABLE = f"postgresql+psycopg://portal:{PASSWORD}@127.0.0.1:1/portal"
ROTATED = ("api-key", "signing-secret")


@pytest.fixture
def portal(migrated_url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SUDO_USER", raising=False)
    base = {
        "PORTAL_DATABASE_URL": migrated_url,
        "PORTAL_SECRET_KEYS": KEY,
        "GU1_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "GU1_API_KEY": KEY,
        "GU1_WEBHOOK_SECRETS": KEY,
    }

    def run(command, **env):
        result = CliRunner().invoke(main, command.split(), env=base | env)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.fixture
def history(database):
    """All entries, without their times."""
    return lambda: [it[1:] for it in InstallationHistory(database).newest(limit=99)]


@pytest.fixture
def shop(portal, tmp_path, database):
    """Prepared by the command, whose entry is deleted."""
    made = portal("partner new shop")
    (tmp_path / "partners.toml").write_text(made.stdout)
    with database.begin() as connection:
        connection.execute(text("DELETE FROM installation_history"))
    return made


@on_both_databases
def test_commands_on_all_onboardings_leave_one_entry_each(portal, database, history):
    Repository(database, ColumnCipher([KEY])).add(an_onboarding())
    add_events(notifying_store(database))
    for command in ("purge --days 31", "rekey", "restore-check"):
        assert portal(command).exit_code == 0
    add_events(notifying_store(database), times=2)
    assert portal("partner resend --partner shop --undelivered").exit_code == 0
    who = operator()
    assert history() == [
        ("notifications_resent", who, "partner shop, notifications: 2"),
        ("restored", who, "restore: 1"),
        ("rekeyed", who, "values: 1, sealed anew: 0, without key: 0"),
        ("purged", who, "onboardings: 1, not changed for days: 31"),
    ]


def test_commands_that_only_show_leave_none(portal, history):
    for command in ("status", "history", "migrate", "partner deliveries", "reverify --due", "config"):
        portal(command)
    assert history() == []


@on_both_databases
def test_migrate_notes_what_it_applied(portal, database_url):
    assert portal("migrate", PORTAL_DATABASE_URL=database_url).exit_code == 0
    portal("migrate", PORTAL_DATABASE_URL=database_url)
    (entry,) = json.loads(portal("history --json", PORTAL_DATABASE_URL=database_url).stdout)
    assert (entry["what"], entry["who"]) == ("migrated", operator())
    assert entry["details"] == f"migrations: {number_of_migrations()}"


def number_of_migrations():
    return len(list(ScriptDirectory.from_config(alembic_config()).walk_revisions()))


@on_both_databases
def test_commands_about_a_partner_leave_its_name_and_no_key(portal, shop, history, database):
    printed = [portal(f"partner rotate shop --{what}") for what in ROTATED] + [portal("partner new bank")]
    assert history() == [
        ("partner_prepared", operator(), "partner bank"),
        ("signing_secret_made", operator(), "partner shop"),
        ("api_key_made", operator(), "partner shop"),
    ]
    assert all("Warning" not in it.stderr for it in printed)


@pytest.mark.parametrize("command", ["new bank", *(f"rotate shop --{it}" for it in ROTATED)])
@pytest.mark.parametrize("address", [UNREACHABLE, f"mysql://portal:{PASSWORD}@127.0.0.1/portal", f"x{PASSWORD}"])
def test_database_that_fails_costs_a_command_about_a_partner_one_warning(portal, shop, command, address):
    good, bad = (portal(f"partner {command}", **env) for env in ({}, {"PORTAL_DATABASE_URL": address}))
    assert (bad.exit_code, len(bad.stdout.splitlines())) == (0, len(good.stdout.splitlines()))
    (warning,) = bad.stderr.splitlines()[len(good.stderr.splitlines()) :]
    assert warning.startswith("Warning: not noted in the installation's history: ")
    assert PASSWORD not in bad.output


def test_warning_is_all_that_is_said_of_the_failure(portal, shop, caplog):
    # Of an address of its own, because the store says the same about one only once a minute.
    address = f"postgresql+psycopg://portal@127.0.0.1:{free_port()}/portal"
    portal("partner new bank", PORTAL_DATABASE_URL=address)
    assert [it.getMessage() for it in caplog.records if it.levelno >= logging.WARNING] == []


def test_file_with_the_address_that_cannot_be_read_is_a_warning_too(portal, shop, tmp_path):
    env = {"PORTAL_DATABASE_URL": "", "PORTAL_DATABASE_URL_FILE": str(tmp_path / "missing")}
    done = portal("partner new bank", **env)
    assert (done.exit_code, "PORTAL_DATABASE_URL cannot be read" in done.stderr) == (0, True)


def test_where_there_is_no_database_none_is_made(portal, tmp_path, shop):
    elsewhere = tmp_path / "elsewhere.db"
    for address in (f"sqlite:///{elsewhere}", "sqlite:///none.db"):
        done = portal("partner new bank", PORTAL_DATABASE_URL=address)
        assert (done.exit_code, "Warning" in done.stderr) == (0, False)
    assert not elsewhere.exists() and not (tmp_path / "none.db").exists()


def test_database_that_was_not_migrated_is_a_warning(portal, shop, tmp_path):
    (tmp_path / "blank.db").touch()
    done = portal("partner new bank", PORTAL_DATABASE_URL=f"sqlite:///{tmp_path / 'blank.db'}")
    assert (done.exit_code, "run: portal migrate" in done.stderr) == (0, True)


def test_table_that_fails_ends_no_command_on_all_onboardings(portal, database):
    with database.begin() as connection:
        connection.execute(text("DROP TABLE installation_history"))
    done = portal("purge --days 31")
    assert (done.exit_code, done.stdout[:22]) == (0, "0 onboardings deleted ")
    assert done.stderr.count("Warning: not noted in the installation's history: ") == 1


# A reload


def changed(config):
    """Another value for every setting but those by which the database is found."""
    values = {}
    for field in FIELDS.values():
        old = getattr(config, field)
        if not field.startswith("database_"):
            planted = f"planted-{field}"
            values[field] = (planted,) if isinstance(old, tuple) else planted
    return config.model_copy(update=values)


def registry_of(key, secret):
    shop = Partner(slug="shop", name="planted-name", api_keys=(hash_of_key(key),), signing_secrets=(secret,))
    return Registry({"shop": shop})


@on_both_databases
def test_reload_leaves_names_and_no_value(config, database, history):
    keys, secrets = [new_key(), new_key()], [new_signing_secret(), new_signing_secret()]
    old, new = (registry_of(*it) for it in zip(keys, secrets, strict=True))
    note_reload((config, old), (changed(config), new))
    entries = history()
    assert [it[:2] for it in entries] == [
        ("partners_changed", "the server"),
        ("settings_changed", "the server"),
        ("keys_changed", "the server"),
    ]
    partners, settings, secret_ones = (it[2] for it in entries)
    assert partners == "partner shop: api_keys and signing_secrets"
    assert set(secret_ones.split(", ")) == {*SECRETS} - {"PORTAL_DATABASE_URL"}
    assert settings.startswith("PORTAL_BASE_URL, ") and settings.endswith(" more")
    values = [*keys, *secrets, *(hash_of_key(it) for it in keys), *config.secret_keys, WEBHOOK_SECRET, "planted"]
    assert [it for it in values if it in str(entries)] == []


def test_reload_that_changes_nothing_leaves_none(config, history):
    same = (config, registry_of(new_key(), new_signing_secret()))
    note_reload(same, same)
    assert history() == []


def test_reload_goes_on_where_the_database_fails(config, tmp_path, caplog):
    for address in (UNREACHABLE, f"sqlite:///{tmp_path / 'missing' / 'portal.db'}", f"mysql://{PASSWORD}@host/x"):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "portal.cli.installation_notes"):
            note_reload((config, Registry({})), (config.model_copy(update={"database_url": address}), Registry({})))
        (line,) = [it.getMessage() for it in caplog.records if it.name == "portal.cli.installation_notes"]
        assert line.startswith("not noted in the installation's history: ") and PASSWORD not in line


# What is shown


@pytest.fixture
def noted(database):
    entries = InstallationHistory(database)
    entries.add(NOW, InstallationChange.MIGRATED, "ana", "migrations: 38")
    entries.add(NOW + timedelta(minutes=1), InstallationChange.KEYS_CHANGED, "the server", "PORTAL_SECRET_KEYS")


@on_both_databases
def test_newest_is_the_first_line(portal, noted):
    assert portal("history").output.splitlines() == [
        "2026-03-02 12:01 UTC  keys changed  the server  PORTAL_SECRET_KEYS",
        "2026-03-02 12:00 UTC  migrated      ana         migrations: 38",
    ]


def test_history_for_other_programs(portal, noted):
    newest, oldest = json.loads(portal("history --json").stdout)
    assert newest == {
        "at": "2026-03-02T12:01:00Z",
        "what": "keys_changed",
        "who": "the server",
        "details": "PORTAL_SECRET_KEYS",
    }
    assert oldest["what"] == "migrated"


def test_limit_says_that_there_may_be_more(portal, noted):
    lines = portal("history --limit 1").output.splitlines()
    assert (len(lines), lines[0][22:34], lines[1]) == (
        2,
        "keys changed",
        "There may be more than 1; use --limit to show them.",
    )
    assert len(json.loads(portal("history --limit 1 --json").stdout)) == 1


def test_nothing_was_noted(portal):
    assert portal("history").output == "Nothing has been noted yet.\n"
    assert json.loads(portal("history --json").stdout) == []


def test_entry_is_of_now(portal, database):
    portal("restore-check")
    (entry,) = InstallationHistory(database).newest(limit=1)
    assert abs(datetime.now(UTC) - entry.at) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("person", "said"), [("ana", "ana as {}"), ("", "{}"), ("a\nb", "{}"), ("x" * 65, "{}"), ("an a", "{}")]
)
def test_who_ran_it_by_sudo_is_named_if_it_is_a_name(monkeypatch, person, said):
    monkeypatch.delenv("SUDO_USER", raising=False)
    account = operator()
    monkeypatch.setenv("SUDO_USER", person)
    assert operator() == said.format(account)
