import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.factories import an_adopted_validation, an_onboarding
from tests.ports import free_port

KEY = "7Kd2mQx9vTzW4cLr8YbNq5hFe1uXp3sZ"
NAMED = "planted-customer-name"


@pytest.fixture
def run(migrated_url):
    base = {
        "PORTAL_DATABASE_URL": migrated_url,
        "PORTAL_SECRET_KEYS": KEY,
        "GU1_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "GU1_API_KEY": "key",
        "GU1_WEBHOOK_SECRETS": "secret",
    }
    return lambda *arguments, **env: CliRunner().invoke(main, ["purge", *arguments], env=base | env)


@pytest.fixture
def old(database):
    """Three finished onboardings of 40 days ago."""
    then = datetime.now(UTC) - timedelta(days=40)
    store = Repository(database, ColumnCipher([KEY]))
    for _ in range(3):
        finished = an_onboarding(validation=an_adopted_validation(), submission=None, known_as=NAMED, due_at=None)
        store.add(replace(finished, created_at=then, updated_at=then))


def test_what_is_older_is_deleted_and_counted(run, old):
    kept = run(PORTAL_RETENTION_DAYS="41")
    assert (kept.exit_code, "0 onboardings deleted" in kept.output) == (0, True)
    gone = run("--days", "39")
    assert (gone.exit_code, "3 onboardings deleted" in gone.output) == (0, True)
    assert json.loads(run("--days", "39", "--json").stdout)["deleted"] == 0


def test_without_an_age_nothing_is_deleted(run, old):
    refused = run()
    assert (refused.exit_code, "PORTAL_RETENTION_DAYS" in refused.output) == (2, True)
    assert run("--days", "30").exit_code == 2  # links may still work


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_neither_the_file_nor_its_log_holds_what_was_deleted(run, old, database):
    folder = database.url.database.rpartition("/")[0]

    def holding():
        return [it for it in Path(folder).glob("*.db*") if NAMED.encode() in it.read_bytes()]

    assert holding()
    run("--days", "39")
    assert not holding()
