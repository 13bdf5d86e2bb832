import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from portal.store.served_addresses import ServedAddresses
from tests.factories import an_onboarding
from tests.ports import free_port

OLD, NEW = "old-7Kd2mQx9vTzW4cLr8YbNq5hFe1uXp", "new-9vTzW4cLr8YbNq5hFe1uXp7Kd2mQx"


@pytest.fixture
def portal(migrated_url):
    base = {
        "PORTAL_DATABASE_URL": migrated_url,
        "GU1_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "GU1_API_KEY": "key",
        "GU1_WEBHOOK_SECRETS": "secret",
    }

    def run(command, *keys):
        result = CliRunner().invoke(main, command.split(), env=base | {"PORTAL_SECRET_KEYS": ",".join(keys)})
        assert not any(key in result.output for key in (OLD, NEW))
        return result

    return run


@pytest.mark.asvs("11.1.1", "11.2.2")
def test_three_phases_of_a_rotation_each_checked(portal, database):
    Repository(database, ColumnCipher([OLD])).add(an_onboarding())
    assert "key 1  opens 1\n  key 2  opens 0" in portal("check", OLD, NEW).output
    assert "key 1  opens 0\n  key 2  opens 1" in portal("check", NEW, OLD).output
    assert "no key opens 1 values" in portal("check", NEW).output
    done = portal("rekey", NEW, OLD)
    assert (done.exit_code, "1 looked at, 1 sealed anew" in done.output) == (0, True)
    assert "Everything is sealed with the first key." in done.output
    assert "key 1  opens 1\n" in portal("check", NEW).output


@pytest.mark.long
def test_rekey_says_what_no_key_opens(portal, database):
    Repository(database, ColumnCipher([OLD])).add(an_onboarding())
    result = portal("rekey", NEW)
    assert (result.exit_code, "no key opens 1 values" in result.output) == (1, True)


def test_rekey_for_other_programs(portal, database):
    Repository(database, ColumnCipher([OLD])).add(an_onboarding())
    assert json.loads(portal("rekey --json", NEW, OLD).stdout) == {"seen": 1, "resealed": 1, "without_key": 0}
    unopened = portal("rekey --json", OLD)
    assert (unopened.exit_code, json.loads(unopened.stdout)["without_key"]) == (1, 1)


def test_check_names_a_portal_of_another_address_on_the_database(portal, database):
    ServedAddresses(database).record("https://staging.example.com", datetime.now(UTC))
    told = portal("check", NEW).output
    assert "address        WARNING" in told
    assert "https://staging.example.com  serves this database too" in told
