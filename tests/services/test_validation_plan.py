from dataclasses import replace

import pytest

from portal.domain.onboarding import Consent, ConsentText, StallReason
from portal.domain.validation import CreationState, DoubleCheck
from portal.services.identity import IdentityComparison
from portal.services.keyed_hash import KeyedHash
from portal.services.validation_plan import Policy, ValidationPlanner
from tests.factories import NOW, an_onboarding, some_details

RULES = Policy(max_attempts=3, double_check_renaper=True)
IDENTITY = IdentityComparison(KeyedHash(["key"], "number"), KeyedHash(["key"], "name"))
PLANNER = ValidationPlanner(lambda _onboarding: RULES, IDENTITY)
LATER = NOW.replace(hour=15)


def planned(policy=RULES, **details):
    empty = an_onboarding(
        details=None, document_digest=None, stall_reason=StallReason.DETAILS_REFUSED, failures=3, due_at=None
    )
    return ValidationPlanner(lambda _onboarding: policy, IDENTITY).with_details(
        empty, some_details(**details), ConsentText("2026-01"), LATER
    )


def test_details_make_an_onboarding_ready_for_the_engine():
    onboarding = planned()
    assert (onboarding.stall_reason, onboarding.failures, onboarding.due_at) == (None, 0, LATER)
    assert (onboarding.consent, onboarding.country) == (Consent(ConsentText("2026-01"), LATER), "AR")
    assert (onboarding.validation.number, onboarding.validation.creation_state) == (1, CreationState.PLANNED)


@pytest.mark.parametrize("other_spelling", ["30111222", "030111222", "20301112229"])
def test_typed_number_is_kept_as_a_digest_of_what_is_printed(other_spelling):
    assert planned().document_digest == planned(document_number=other_spelling).document_digest
    assert "30111222" not in planned().document_digest


def test_number_that_cannot_be_compared_replaces_an_older_digest():
    empty = an_onboarding(document_digest="of an earlier number")
    details = some_details(country="BR", document_number="52998224725")
    changed = PLANNER.with_details(empty, details, "2026-01", LATER)
    assert changed.document_digest is None


@pytest.mark.parametrize(
    ("country", "allowed", "expected"),
    [
        ("AR", True, DoubleCheck.UNANSWERED),
        ("AR", False, DoubleCheck.NOT_ASKED),
        ("BR", True, DoubleCheck.NOT_ASKED),
        (None, True, DoubleCheck.NOT_ASKED),
    ],
)
def test_registry_is_asked_where_it_exists_and_the_operator_wants_it(country, allowed, expected):
    policy = replace(RULES, double_check_renaper=allowed)
    planner = ValidationPlanner(lambda _onboarding: policy, IDENTITY)
    assert planner.planned(an_onboarding(country=country), 1, NOW).double_check is expected


def test_each_validation_has_a_nonce_of_its_own():
    nonces = {PLANNER.planned(an_onboarding(), 2, NOW).nonce for _ in range(100)}
    assert len(nonces) == 100
