"""`portal reverify --due` as an operator types it."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.domain.reference import reference_of
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.databases import on_both_databases
from tests.factories import NOW, an_onboarding

KEY = "hush-hush-hush-hush-hush-hush-hush"


@pytest.fixture
def reverify(migrated_url):
    env = {
        "PORTAL_DATABASE_URL": migrated_url,
        "PORTAL_SECRET_KEYS": KEY,
        "GU1_API_KEY": KEY,
        "GU1_WEBHOOK_SECRETS": KEY,
    }
    return lambda *options: CliRunner().invoke(main, ["reverify", *options], env=env)


@pytest.fixture
def stored(database):
    """Three customers, the longest due last."""
    store = Repository(database, ColumnCipher([KEY]))
    given = (("shop", "c-1", 1), ("bank", "c-2", 2), ("shop", "c-3", 3))
    return [
        store.add(an_onboarding(partner=slug, external_id=name, reverification_due_at=NOW - timedelta(days=days)))
        for slug, name, days in given
    ] + [store.add(an_onboarding(partner="shop", external_id="c-4"))]


@on_both_databases
def test_due_customers_are_listed_without_personal_data(reverify, stored):
    result = reverify("--due", "--json")
    assert (result.exit_code, json.loads(result.output)[0]) == (
        0,
        {
            "partner": "shop",
            "external_id": "c-3",
            "purpose": None,
            "reference": reference_of(stored[2].id),
            "due_since": "2026-02-27T12:00:00Z",
        },
    )
    assert [it["external_id"] for it in json.loads(result.output)] == ["c-3", "c-2", "c-1"]
    table = reverify("--due").output.splitlines()
    assert len(table) == 4 and "30111222" not in "".join(table) and "Núñez" not in "".join(table)


def test_one_partner_and_a_limit(reverify, stored):
    assert [it["external_id"] for it in json.loads(reverify("--due", "--partner", "shop", "--json").output)] == [
        "c-3",
        "c-1",
    ]
    assert "There may be more than 1" in reverify("--due", "--limit", "1").output


def test_nobody_is_due(reverify):
    assert reverify("--due").output == "No customer has to verify again.\n"
    assert json.loads(reverify("--due", "--json").output) == []


def test_it_says_what_it_needs(reverify):
    assert reverify().exit_code == 2
