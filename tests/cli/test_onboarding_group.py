"""`portal onboarding …` as an operator types it."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.domain.onboarding import StallReason
from portal.domain.reference import ALPHABET, reference_of
from portal.domain.status import Status
from portal.domain.validation import IdentityMatch
from portal.store.encryption import ColumnCipher
from portal.store.history import History
from portal.store.repository import Repository
from tests.databases import on_both_databases
from tests.factories import NOW, an_adopted_validation, an_onboarding

KEY = "hush-hush-hush-hush-hush-hush-hush"
SIGNED = ("--by", "ana", "--note", "ticket 7")
ACTIONS = ["sync", "resume", "release", "reject", "cancel", "allow-attempt", "erase"]
MORE = {"reject": ("--reason", "not_eligible")}


@pytest.fixture
def onboarding(migrated_url):
    """Runs `portal onboarding …`."""
    env = {
        "PORTAL_DATABASE_URL": migrated_url,
        "PORTAL_SECRET_KEYS": KEY,
        "GU1_BASE_URL": "http://127.0.0.1:1",
        "GU1_API_KEY": KEY,
        "GU1_WEBHOOK_SECRETS": KEY,
    }

    def run(*command):
        result = CliRunner().invoke(main, ["onboarding", *command], env=env)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def store(database):
    return Repository(database, ColumnCipher([KEY]))


@pytest.fixture
def held(store):
    validation = an_adopted_validation(status=Status.APPROVED, identity_match=IdentityMatch.MISMATCH)
    return store.add(an_onboarding(partner="shop", external_id="customer-7", validation=validation))


@pytest.fixture
def history(database):
    return lambda found: History(database).newest_entries(found.id, limit=10)


@on_both_databases
def test_found_by_what_the_caller_reads_out(onboarding, held):
    for name in (reference_of(held.id).lower(), held.id, "customer-7", held.validation.gu1_id):
        result = onboarding("find", name)
        assert result.exit_code == 0
        assert reference_of(held.id) in result.output and held.id in result.output
    (found,) = json.loads(onboarding("find", held.id, "--json").output)
    assert (found["id"], found["partner"], found["status"], found["stage"]) == (
        held.id,
        "shop",
        "in_review",
        "in_review",
    )


def test_a_misheard_reference_is_said_to_be_one(onboarding, held):
    reference = reference_of(held.id)
    misheard = reference[:-1] + ALPHABET[ALPHABET.index(reference[-1]) - 1]
    for command in (("find", misheard), ("show", misheard), ("release", misheard, *SIGNED)):
        result = onboarding(*command)
        assert result.exit_code == 1 and "misheard" in result.output


@on_both_databases
def test_release_shows_in_the_history(onboarding, held, store, history):
    result = onboarding("release", reference_of(held.id), *SIGNED)
    assert (result.exit_code, result.output) == (0, f"{held.id}: status approved, stage approved\n")
    (line,) = history(held)
    assert (line.actor, line.operator, line.action, line.note) == ("operator", "ana", "released", "ticket 7")
    shown = onboarding("show", held.id)
    assert "operator ana  released" in shown.output and "ticket 7" in shown.output
    facts = json.loads(onboarding("show", held.id, "--json").output)
    assert [it["action"] for it in facts["history"]] == ["released"]
    assert facts["operator_decision"] == "released"
    assert facts["attempts"][0].keys() == {"number", "gu1_id", "status", "reason", "created_at", "shown_at"}


def test_show_says_what_holds_it_and_which_attempt_was_allowed(onboarding, held, store):
    rejected = store.add(an_onboarding(validation=an_adopted_validation(status=Status.REJECTED), allowed_attempt=2))

    def facts(found):
        shown = json.loads(onboarding("show", found.id, "--json").output)
        return shown["held"], shown["allowed_attempt"]

    assert [facts(it) for it in (held, rejected)] == [("identity", None), (None, 2)]


def test_nothing_personal_is_shown(onboarding, held):
    details = ("30111222", "Ana", "Núñez", "ana@example.com")
    for options in ((), ("--json",)):
        output = onboarding("show", held.id, *options).output
        assert not [it for it in (*details, held.validation.session_url, held.document_digest) if it in output]


@pytest.mark.asvs("16.3.3")
@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_signed(onboarding, held, store, history, action):
    half = [(), SIGNED[:2], SIGNED[2:], ("--by", " ", "--note", "x"), ("--by", "a\nb", "--note", "x")]
    for signature in half:
        assert onboarding(action, held.id, *MORE.get(action, ()), *signature).exit_code == 2
    assert store.get(held.id) == held and history(held) == []


@pytest.mark.parametrize("action", ACTIONS)
def test_an_unknown_or_ambiguous_name_changes_nothing(onboarding, held, store, history, action):
    other = store.add(an_onboarding(partner="bank", external_id="customer-7"))
    unknown = onboarding(action, "nobody", *MORE.get(action, ()), *SIGNED)
    assert unknown.exit_code == 1 and "no onboarding nobody" in unknown.output
    ambiguous = onboarding(action, "customer-7", *MORE.get(action, ()), *SIGNED)
    assert ambiguous.exit_code == 1 and held.id in ambiguous.output and other.id in ambiguous.output
    assert [store.get(it.id) for it in (held, other)] == [held, other]
    assert history(held) == history(other) == []


def test_what_makes_no_sense_is_refused_with_a_reason(onboarding, store, history):
    waiting = store.add(an_onboarding(validation=an_adopted_validation()))
    result = onboarding("release", waiting.id, *SIGNED)
    assert result.exit_code == 1 and "nothing was changed: its approval is not held" in result.output
    assert history(waiting) == []


def test_a_sync_without_gu1_changes_nothing(onboarding, held, store, history):
    result = onboarding("sync", held.id, *SIGNED)
    assert result.exit_code == 1 and "nothing was changed" in result.output
    assert store.get(held.id) == held and history(held) == []


def test_reject_takes_only_reasons_for_a_person(onboarding, held):
    assert onboarding("reject", held.id, "--reason", "face_mismatch", *SIGNED).exit_code == 2
    assert "stage rejected" in onboarding("reject", held.id, "--reason", "not_eligible", *SIGNED).output


@pytest.mark.asvs("7.4.5")
@on_both_databases
def test_erase_and_what_gu1_keeps(onboarding, held, store):
    result = onboarding("erase", "customer-7", *SIGNED)
    assert result.exit_code == 0 and held.validation.gu1_id in result.output
    assert store.get(held.id).external_id is None
    assert onboarding("erase", held.id, *SIGNED).exit_code == 1


@on_both_databases
def test_lists(onboarding, held, store):
    failing = store.add(an_onboarding(failures=3, stall_reason=StallReason.REFUSED, due_at=NOW))
    assert f"{reference_of(held.id)}  {held.id}" in onboarding("list", "--held").output
    assert failing.id not in onboarding("list", "--held").output
    (row,) = json.loads(onboarding("list", "--failing", "--json").output)
    assert (row["onboarding_id"], row["kind"], row["failures"]) == (failing.id, "refused", 3)
    assert onboarding("list").exit_code == 2


def test_a_list_says_that_there_may_be_more_and_that_there_is_nothing(onboarding, store):
    assert onboarding("list", "--held").output == "No onboarding is held.\n"
    assert json.loads(onboarding("list", "--held", "--json").output) == []
    for age in range(3):
        store.add(an_onboarding(failures=1, due_at=NOW, updated_at=NOW - timedelta(hours=age)))
    rows = json.loads(onboarding("list", "--failing", "--limit", "2", "--json").output)
    assert [row["since"] for row in rows] == ["2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z"]
    assert "--limit" in onboarding("list", "--failing", "--limit", "2").output
