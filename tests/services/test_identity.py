"""Which of numbers and names decides, and what becomes of a document that could not be compared."""

import pytest

from portal.domain.name_match import NameMatch, name_of
from portal.domain.onboarding import ConsentText
from portal.domain.stage import Stage, stage_of
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck, IdentityBasis, IdentityMatch
from portal.services.identity import IdentityComparison
from portal.services.keyed_hash import KeyedHash
from portal.services.validation_plan import Policy
from tests.factories import an_onboarding, some_details

OWN, ANOTHERS = name_of("ANA", "NUNEZ"), name_of("ROSA", "QUISPE MAMANI")
BRAZILIAN = {"country": "BR", "document_number": "52998224725"}
REQUIRED = Policy(max_attempts=3, double_check_renaper=False, requires_identity=True)


@pytest.fixture
def verified(begin, onboardings, report):
    """An approval after the hosted page was opened, with what was read from the document."""

    def verified(details, **facts):
        started = begin(**details)
        onboardings.open_hosted_page(started.id)
        report(Status.APPROVED, double_check=DoubleCheck.ANSWERED, **facts)
        return onboardings.get(started.id)

    return verified


def outcome(onboarding):
    validation = onboarding.validation
    return validation.identity_match, validation.identity_basis, stage_of(onboarding, max_attempts=3)


@pytest.mark.asvs("2.2.3")
@pytest.mark.parametrize(
    ("details", "document", "expected"),
    [
        (BRAZILIAN, {"name": OWN}, (IdentityMatch.MATCH, IdentityBasis.NAME, Stage.APPROVED)),
        (BRAZILIAN, {"name": ANOTHERS}, (IdentityMatch.MISMATCH, IdentityBasis.NAME, Stage.IN_REVIEW)),
        (BRAZILIAN, {"document_number": "MG1"}, (IdentityMatch.UNKNOWN, None, Stage.APPROVED)),
        # A passport, whose number is another one.
        ({}, {"name": OWN}, (IdentityMatch.MATCH, IdentityBasis.NAME, Stage.APPROVED)),
        ({}, {"name": ANOTHERS}, (IdentityMatch.MISMATCH, IdentityBasis.NAME, Stage.IN_REVIEW)),
        # The number decides where it can be compared.
        (
            {},
            {"document_number": "30111222", "name": ANOTHERS},
            (IdentityMatch.MATCH, IdentityBasis.NUMBER, Stage.APPROVED),
        ),
        (
            {},
            {"document_number": "30111223", "name": OWN},
            (IdentityMatch.MISMATCH, IdentityBasis.NUMBER, Stage.IN_REVIEW),
        ),
    ],
)
def test_number_decides_and_else_the_name(verified, details, document, expected):
    assert outcome(verified(details, **document)) == expected


def test_what_could_not_be_compared_is_held_where_the_partner_requires_it(verified, onboardings, counted, caplog):
    onboardings._planner._policy_for = lambda _onboarding: REQUIRED
    held = verified(BRAZILIAN)
    assert outcome(held) == (IdentityMatch.UNKNOWN, None, Stage.IN_REVIEW)
    assert (held.status, counted("identity_unknown"), counted("identity_mismatch")) == (Status.IN_REVIEW, 1, 0)
    assert "could not be compared" in caplog.text


def test_document_that_is_read_later_settles_what_could_not_be_compared(verified, onboardings, report):
    onboardings._planner._policy_for = lambda _onboarding: REQUIRED
    held = verified(BRAZILIAN)
    report(Status.APPROVED, name=OWN)
    assert outcome(onboardings.get(held.id)) == (IdentityMatch.MATCH, IdentityBasis.NAME, Stage.APPROVED)


def test_name_that_a_partner_gave_is_compared_too(create_for_customer, onboardings, work, report):
    customer = create_for_customer(details=some_details(**BRAZILIAN))
    onboardings.give_details(customer.id, None, consent=ConsentText("2026-01"))
    work()
    onboardings.open_hosted_page(customer.id)
    report(Status.APPROVED, name=ANOTHERS)
    assert outcome(onboardings.get(customer.id)) == (IdentityMatch.MISMATCH, IdentityBasis.NAME, Stage.IN_REVIEW)


@pytest.mark.parametrize(
    "kept", [None, "", "[]", "{}", '{"rule": 0}', '{"rule": 1}', '{"rule": 1, "words": [{}], "joined": ""}']
)
def test_nothing_is_compared_with_what_another_release_kept(kept):
    identity = IdentityComparison(KeyedHash(["key"], "number"), KeyedHash(["key"], "name"))
    assert identity.compare_names(an_onboarding(name_digests=kept), OWN) is NameMatch.UNKNOWN


def test_name_is_kept_as_digests_that_two_people_do_not_share():
    identity = IdentityComparison(KeyedHash(["key"], "number"), KeyedHash(["key"], "name"))
    one, two = (identity.name_digests(onboarding_id, some_details()) for onboarding_id in ("one", "two"))
    assert "ana" not in one.lower() and "nune" not in one.lower()
    assert {word for word in one.split('"') if len(word) == 16}.isdisjoint(two.split('"'))


@pytest.mark.parametrize("name", [OWN, ANOTHERS])
def test_names_survive_a_change_of_the_key(name):
    old = IdentityComparison(KeyedHash(["old"], "number"), KeyedHash(["old"], "name"))
    new = IdentityComparison(KeyedHash(["new", "old"], "number"), KeyedHash(["new", "old"], "name"))
    kept = an_onboarding(id="one", name_digests=old.name_digests("one", some_details()))
    assert new.compare_names(kept, name) is old.compare_names(kept, name)


def test_digests_are_gone_after_a_stop(begin, onboardings):
    started = onboardings.get(begin().id)
    assert started.name_digests
    assert onboardings.stop(started.id).name_digests is None
