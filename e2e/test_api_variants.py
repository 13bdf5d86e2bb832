"""The portal reaches the right verdict in every API variant that gu1's contradicting documentation allows."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta
from itertools import zip_longest

import pytest

from e2e.in_process_rig import rig
from e2e.mock_gu1.api_variants import SWITCHES, words_of
from portal.domain.renaper_patience import Afterwards, RenaperPatience
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck

OUTDATED = "RENAPER_TRAMITE_ID_NOT_MATCH"

# If gu1 refuses us, the portal can only say that it takes longer.
REFUSED = {
    ("entities_path", "root"),
    ("key", "revoked_401"),
    ("key", "forbidden_403"),
    ("integration", "missing"),
    ("credit", "exhausted_402"),
    ("credit", "exhausted_400"),
    ("organization_header", "required"),
    ("renaper_credentials", "refuse"),
}

# RENAPER rejects nobody: gu1 skips the double check, or it stays silent.
NO_ANSWER = {("renaper_credentials", "skip"), ("renaper", "silent")}
SOON = timedelta(seconds=1)

OTHER_WORDS = [[(switch.name, word) for word in words_of(switch) if word != switch.default] for switch in SWITCHES]


def _in_few_journeys():
    """The switches do not depend on each other, so one journey takes another word of many."""
    leads_to_a_verdict = [[it for it in words if it not in REFUSED | NO_ANSWER] for words in OTHER_WORDS]
    together = [tuple(filter(None, row)) for row in zip_longest(*leads_to_a_verdict)]
    return [(), *together, *((it,) for it in sorted(REFUSED | NO_ANSWER))]


def _one_by_one():
    return [(it,) for words in OTHER_WORDS for it in words if it not in REFUSED | NO_ANSWER]


def _as_id(words):
    return " ".join("=".join(map(str, word)) for word in words) or "as documented"


@pytest.fixture
def folder(tmp_path, migrated_sqlite):
    """A folder with a migrated database."""
    shutil.copy(migrated_sqlite, tmp_path / "portal.db")
    return tmp_path


def test_no_word_is_left_out():
    tried = {word for words in _in_few_journeys() for word in words}
    assert tried == {word for words in OTHER_WORDS for word in words}


@pytest.mark.parametrize(
    "words", [*_in_few_journeys(), *(pytest.param(it, marks=pytest.mark.slow) for it in _one_by_one())], ids=_as_id
)
def test_whole_journey_in_every_variant(folder, words):
    with rig(folder, is_migrated=True, **dict(words)) as it:
        onboarding = it.start("31222333")
        if REFUSED.intersection(words):
            it.arrives(onboarding, Stage.DELAYED)
            assert it.ledger() == []
            return
        it.arrives(onboarding, Stage.READY)
        it.opens_hosted_page(onboarding)
        if NO_ANSWER.intersection(words):
            it.ends(onboarding, "approve")
            it.arrives(onboarding, Stage.CONFIRMING if ("renaper", "silent") in words else Stage.APPROVED)
        else:
            it.ends(onboarding, OUTDATED)
            rejected = it.arrives(onboarding, Stage.REJECTED)
            assert rejected.validation.reason == "registry_card_outdated"
            it.onboardings.retry(onboarding, after_attempt=1)
            it.arrives(onboarding, Stage.READY)
            it.opens_hosted_page(onboarding)
            it.ends(onboarding, "approve")
            it.arrives(onboarding, Stage.APPROVED)
        it.agrees_with_the_ledger()


@pytest.mark.parametrize("duplicates", ["refuse", "allow"])
def test_one_person_stays_one_entity(folder, duplicates):
    with rig(folder, is_migrated=True, duplicates=duplicates) as it:
        for _ in range(3):
            it.arrives(it.start("31222333"), Stage.READY)
        assert len({row["entity"] for row in it.ledger()}) == 1
        it.agrees_with_the_ledger()


@pytest.mark.parametrize("shape", ["nested", "flat", "without_id"])
def test_duplicate_of_an_entity_that_only_the_refusal_tells_of(folder, shape):
    with rig(folder, is_migrated=True, duplicate_shape=shape) as it:
        it.arrives(it.start("31222333"), Stage.READY)
        it.tell("faults", operation="find_entities", nth=1, times=1, kind="status", status=403)
        it.arrives(it.start("31222333"), Stage.READY, Stage.DELAYED)
        assert len({row["entity"] for row in it.ledger()}) == 1


def test_approval_taken_back_by_the_registry(folder):
    with rig(folder, is_migrated=True) as it:
        onboarding = it.start("99990031")
        it.arrives(onboarding, Stage.CONFIRMING)
        it.arrives(onboarding, Stage.REJECTED)
        it.agrees_with_the_ledger()


def test_double_check_that_gu1_skips_is_known_before_the_camera(folder):
    with rig(folder, is_migrated=True, renaper_credentials="skip") as it:
        onboarding = it.start("31222333")
        ready = it.arrives(onboarding, Stage.READY)
        assert (ready.validation.double_check, ready.validation.opened_at) == (DoubleCheck.NOT_ASKED, None)
        it.agrees_with_the_ledger()


@pytest.mark.parametrize(("then", "stage"), [(Afterwards.HOLD, Stage.IN_REVIEW), (Afterwards.APPROVE, Stage.APPROVED)])
@pytest.mark.parametrize("by_hand", [False, True])
def test_double_check_that_stays_silent_has_an_end(folder, then, stage, by_hand):
    """Also after an approval by hand, for which gu1 does not ask RENAPER again."""
    with rig(folder, is_migrated=True, renaper="silent", renaper_patience=RenaperPatience(SOON, then)) as it:
        onboarding = it.start("31222333")
        it.arrives(onboarding, Stage.READY)
        it.opens_hosted_page(onboarding)
        it.ends(onboarding, "review" if by_hand else "approve")
        if by_hand:
            it.arrives(onboarding, Stage.IN_REVIEW)
            it.approves_by_hand(onboarding)
        it.arrives(onboarding, Stage.CONFIRMING)
        ended = it.arrives(onboarding, stage)
        assert ended.validation.patience_ended_at and ended.validation.is_settled == (then is Afterwards.APPROVE)
        it.agrees_with_the_ledger()


def test_stopped_while_the_registry_is_asked_its_answer_changes_nothing(folder):
    with rig(folder, is_migrated=True, renaper="two_steps", renaper_delay=1.0) as it:
        onboarding = it.start("31222333")
        it.arrives(onboarding, Stage.READY)
        it.opens_hosted_page(onboarding)
        it.ends(onboarding, "approve")
        it.arrives(onboarding, Stage.CONFIRMING)
        it.onboardings.stop(onboarding)
        deadline = time.monotonic() + 15
        while (kept := it.onboarding(onboarding)).validation.double_check is not DoubleCheck.ANSWERED:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert (it.stage(onboarding), kept.status, kept.due_at) == (Stage.CANCELLED, Status.CANCELLED, None)
        it.agrees_with_the_ledger()


def test_nothing_but_looks_brings_the_verdict_when_webhooks_are_lost(folder):
    with rig(folder, is_migrated=True, deliver=lambda *_: 200) as it:
        onboarding = it.start("31222333")
        it.arrives(onboarding, Stage.READY)
        it.opens_hosted_page(onboarding)
        it.ends(onboarding, "approve")
        it.arrives(onboarding, Stage.APPROVED)
        it.agrees_with_the_ledger()


def test_verdict_that_gu1_missed_comes_though_nobody_looks(folder):
    with rig(folder, is_migrated=True, provider_events="on_sync", read_syncs="never") as it:
        onboarding = it.start("31222333")
        it.arrives(onboarding, Stage.READY)
        hosted_page = it.opens_hosted_page(onboarding)
        it.client.post(f"{hosted_page}/outcome", data={"outcome": "approve"}).raise_for_status()
        it.arrives(onboarding, Stage.APPROVED)
        it.agrees_with_the_ledger()


def abandons(it):
    onboarding = it.start("31222333")
    it.arrives(onboarding, Stage.READY)
    it.opens_hosted_page(onboarding)
    it.ends(onboarding, "abandon")
    it.arrives(onboarding, Stage.ABANDONED)
    return onboarding


def test_abandoned_session_is_closed_and_started_anew(folder):
    with rig(folder, is_migrated=True, cancel_abandoned="allowed") as it:
        onboarding = abandons(it)
        it.onboardings.retry(onboarding, after_attempt=1)
        it.arrives(onboarding, Stage.READY)
        it.opens_hosted_page(onboarding)
        it.ends(onboarding, "approve")
        it.arrives(onboarding, Stage.APPROVED)
        assert sorted(row["status"] for row in it.ledger()) == ["approved", "cancelled"]
        it.agrees_with_the_ledger()


def test_abandoned_session_that_gu1_does_not_close_is_continued(folder):
    with rig(folder, is_migrated=True, cancel_abandoned="refused") as it:
        onboarding = abandons(it)
        it.onboardings.retry(onboarding, after_attempt=1)
        assert it.arrives(onboarding, Stage.ABANDONED).validation.restart_refused_at
        it.opens_hosted_page(onboarding)
        it.ends(onboarding, "approve")
        it.arrives(onboarding, Stage.APPROVED)
        assert [row["status"] for row in it.ledger()] == ["approved"]
        it.agrees_with_the_ledger()
