"""A customer's approval from its beginning to its end, as gu1's mock tells it."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta

import pytest

from e2e.in_process_rig import Rig, rig
from e2e.mock_gu1.shapes import VERIFIED_FOR
from portal.app import runner_of
from portal.domain.onboarding import ConsentText, Details, Onboarding
from portal.domain.stage import Stage
from portal.services.partner_onboardings import CreateRequest

DETAILS = Details(country="AR", document_number="30777888", first_name="Ana", last_name="Pérez")


@pytest.fixture
def folder(tmp_path, migrated_sqlite):
    """A folder with a migrated database."""
    shutil.copy(migrated_sqlite, tmp_path / "portal.db")
    return tmp_path


def invite(it: Rig, **options: bool) -> str:
    request = CreateRequest(partner="shop", external_id="customer-7", locale="es-AR", **options)
    return it.portal.extensions["portal"].partner_onboardings.create(request).onboarding.id


def verify(it: Rig, onboarding_id: str) -> None:
    it.onboardings.give_details(onboarding_id, DETAILS, consent=ConsentText("1"))
    it.arrives(onboarding_id, Stage.READY)
    it.opens_hosted_page(onboarding_id)
    it.ends(onboarding_id, "approve")
    it.arrives(onboarding_id, Stage.APPROVED)


def checked(it: Rig, onboarding_id: str) -> Onboarding:
    """After the portal has looked at how long the approval is valid."""
    deadline = time.monotonic() + 15
    before = it.onboarding(onboarding_id).verification_check_at
    while (kept := it.onboarding(onboarding_id)).verification_check_at == before:
        assert time.monotonic() < deadline, kept
        runner_of(it.portal).start_checks(it.portal.extensions["portal"].clock())
        time.sleep(0.05)
    # What starts it also writes the time; the answer of gu1 is what ends it.
    while it.onboarding(onboarding_id).due_at is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return it.onboarding(onboarding_id)


def test_asked_although_gu1_vouches_a_customer_is_verified_and_paid_again(folder):
    with rig(folder, is_migrated=True) as it:
        first = invite(it)
        it.arrives(first, Stage.DETAILS)
        verify(it, first)
        kept = checked(it, first)
        assert kept.verified_until is not None
        assert VERIFIED_FOR - timedelta(minutes=1) < kept.verified_until - kept.created_at < VERIFIED_FOR * 1.01
        vouched = invite(it)
        it.arrives(vouched, Stage.APPROVED)
        assert [row["status"] for row in it.ledger()] == ["approved"]
        again = invite(it, reverify=True)
        verify(it, again)
        assert [row["status"] for row in it.ledger()] == ["approved", "approved"]
        it.agrees_with_the_ledger()
