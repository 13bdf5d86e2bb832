"""What the portal relies on at gu1 in every generation; each docstring says what goes wrong if the test fails.

Against mocks this is part of `make test`; `make contract GU1_API_KEY=…` runs it on a real sandbox. It makes a few
people and validations that nobody has to complete, cancels the open ones, and needs no webhook.
"""

from __future__ import annotations

import secrets
from uuid import uuid4

import httpx
import pytest

from e2e.contract_suite import IS_LIVE, MOST_REQUESTS, TARGETS, Counting, fresh, run, target
from portal.domain.comparable_numbers import comparable
from portal.domain.errors import Refused
from portal.domain.name_match import NameMatch, compare_names, name_of
from portal.domain.onboarding import Details
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck

SANDBOX_NUMBER = "99990001"
"""gu1 approves it by itself, without a hosted page."""


@pytest.fixture(scope="module", params=TARGETS)
def gu1(request):
    with target(request.param) as it:
        yield it
        it.tidy_up()


@pytest.fixture(scope="module")
def person(gu1):
    """The entity of the sandbox's own number; an earlier run may have created it."""
    return gu1.person(SANDBOX_NUMBER, fresh("person"))


@pytest.fixture(scope="module")
def stranger(gu1):
    """A new person: entity, external id, and a number that nobody else has."""
    number, external_id = f"98{secrets.randbelow(10**6):06}", fresh("stranger")
    return gu1.person(number, external_id), external_id, number


@pytest.fixture(scope="module")
def hosted(gu1, stranger):
    return gu1.validation(stranger[0], double_check=False, nonce="ours")


@pytest.fixture(scope="module")
def automatic(gu1, person):
    """With the registry's double check if the organization has the credentials for it."""
    try:
        return gu1.validation(person, double_check=True)
    except Refused as refusal:
        if refusal.http_status != 400:
            raise
        return gu1.validation(person, double_check=False)


@pytest.fixture(scope="module")
def settled(gu1, automatic):
    return gu1.settled(automatic.gu1_id)


def test_same_number_twice_leads_to_the_same_person(gu1, person):
    """Else a returning person is never let in, or becomes an entity that nobody finds again."""
    external_id = fresh("twice")
    again = gu1.person(SANDBOX_NUMBER, external_id)
    assert again == person or gu1.ask(lambda client: client.find_entity(external_id)) == again


def test_number_that_cannot_be_is_refused_as_such(gu1):
    """Else a mistyped number ends in "taking longer than usual" instead of the form."""
    details = Details(country="AR", document_number="12", first_name="Contract", last_name="Suite")
    assert gu1.refused(lambda client: client.create_entity(details, fresh("mistyped"))).about_details


def test_person_is_found_by_our_external_id(gu1, stranger):
    """Else a lost answer to a creation makes a second person."""
    entity_id, external_id, _ = stranger
    assert gu1.ask(lambda client: client.find_entity(external_id)) == entity_id


def test_external_id_of_nobody_finds_nobody(gu1):
    """Else no new entity can be created, or another person's entity is used."""
    external_id = fresh("nobody")
    assert gu1.ask(lambda client: client.find_entity(external_id)) is None


def test_person_is_found_by_number(gu1, stranger):
    """Else a duplicate whose refusal names no entity is stuck."""
    entity_id, _, number = stranger
    assert gu1.by_tax_id(number) == entity_id


def test_entity_shows_country_and_name(gu1, stranger):
    """Else nobody notices that a number leads to another person's entity."""
    entity_id, _, _ = stranger
    entity = gu1.ask(lambda client: client.read_entity(entity_id))
    assert (entity.is_person, entity.country) == (True, "AR")
    assert compare_names(entity.name, name_of("Contract", "Suite")) is NameMatch.AGREES


def test_new_validation_opens_a_hosted_page(gu1, stranger, hosted):
    """Else applicants never reach the hosted page: set GU1_PROVIDER_HOSTS, or the readers are out of date."""
    assert (hosted.status, hosted.entity_id) == (Status.PENDING, stranger[0])
    assert hosted.session_url and gu1.provider_hosts.allowed(hosted.session_url)


def test_metadata_are_echoed_or_dropped_but_not_altered(gu1, hosted):
    """Else the portal adopts another onboarding's validation after a lost answer."""
    assert {hosted.nonce, gu1.read(hosted.gu1_id).nonce} <= {"ours", None}


def test_validation_reads_as_it_was_created(gu1, stranger, hosted):
    """Else a refresh never shows a change, and only webhooks do."""
    seen = gu1.read(hosted.gu1_id)
    assert (seen.status, seen.session_url, seen.entity_id) == (Status.PENDING, hosted.session_url, stranger[0])
    assert seen.created_at and seen.updated_at


def test_list_of_a_person_is_whole_and_names_the_validation(gu1, stranger, hosted):
    """Else a validation is paid twice after a lost answer."""
    listing = gu1.ask(lambda client: client.list_validations(stranger[0]))
    assert listing.is_whole
    assert [row.gu1_id for row in listing.rows] == [hosted.gu1_id]


def test_person_without_verdict_is_not_verified(gu1, stranger, hosted):
    """Else a person is accepted as a known customer without any verification."""
    assert not gu1.ask(lambda client: client.read_entity_status(stranger[0])).is_verified


def test_cancelled_validation_stays_cancelled(gu1, hosted):
    """Else "this was not me" leaves the session open, and duplicate validations stay open."""
    gu1.cancel(hosted.gu1_id)
    assert gu1.read(hosted.gu1_id).status is Status.CANCELLED


def test_sandbox_number_needs_no_hosted_page(automatic):
    """Else this is not a sandbox key, or the sandbox has changed."""
    assert automatic.session_id is None
    assert automatic.status in {Status.PENDING, Status.APPROVED}


def test_sync_without_provider_session_is_refused(gu1, automatic):
    """Else the portal could sync more than it does; it syncs only validations with a session."""
    assert gu1.refused(lambda client: client.sync_validation(automatic.gu1_id)).http_status == 400


def test_verdict_comes_to_those_who_look(settled):
    """Else everybody waits forever if webhooks are lost."""
    assert (settled.status, settled.reason) == (Status.APPROVED, None)
    assert settled.verified_at and settled.updated_at


def test_verified_number_is_the_one_that_was_typed(settled):
    """Else every approval is held as a mismatch; None is fine."""
    read = settled.document_number
    assert read is None or comparable("AR", read) == comparable("AR", SANDBOX_NUMBER)


def test_double_check_answers_beside_the_verdict(settled):
    """Else approvals wait as long as GU1_RENAPER_PATIENCE says."""
    if settled.double_check in {None, DoubleCheck.NOT_ASKED}:
        pytest.skip("this organization has no RENAPER credentials, or gu1 says nothing of the double check")
    assert settled.double_check is DoubleCheck.ANSWERED


def test_approved_person_is_verified(gu1, person, settled):
    """Else customers who are already verified must verify again."""
    status = gu1.ask(lambda client: client.read_entity_status(person))
    assert status.is_verified and not status.needs_reverification


def test_cancelling_comes_too_late_after_the_verdict(gu1, settled):
    """Else stopping an onboarding could undo a verdict."""
    assert gu1.refused(lambda client: client.cancel_validation(settled.gu1_id, "too late")).http_status == 400
    assert gu1.read(settled.gu1_id).status is Status.APPROVED


def test_validation_of_nobody_is_refused_and_nobody_typed_that(gu1):
    """Else the applicant is asked to correct valid details."""
    refusal = gu1.refused(lambda client: client.create_validation(str(uuid4()), double_check=False, metadata={}))
    assert (refusal.http_status, refusal.about_details) == (404, False)


def test_unknown_integration_is_refused_and_nobody_typed_that(gu1, stranger):
    """Else a wrong GU1_INTEGRATION_CODE looks like applicants' mistakes, or costs money unnoticed."""
    with pytest.raises(Refused) as refusal:
        gu1.validation(stranger[0], double_check=False, integration_code="portal_contract_unknown")
    assert (refusal.value.http_status, refusal.value.about_details) == (400, False)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda client, gu1_id: client.read_validation(gu1_id), id="read"),
        pytest.param(lambda client, gu1_id: client.sync_validation(gu1_id), id="sync"),
        pytest.param(lambda client, gu1_id: client.cancel_validation(gu1_id, "nobody's"), id="cancel"),
        pytest.param(lambda client, gu1_id: client.read_entity_status(gu1_id), id="status"),
    ],
)
def test_unknown_id_is_not_found(gu1, use):
    """Else a validation that gu1 deleted looks like one that gu1 is slow with."""
    gu1_id = str(uuid4())
    assert gu1.refused(lambda client: use(client, gu1_id)).http_status == 404


def test_wrong_key_is_refused(gu1):
    """Else `portal check` accepts a wrong key."""
    refusal = gu1.refused(lambda client: client.find_entity(fresh("nobody")), api_key="gk_sandbox_of_nobody")
    assert refusal.http_status in {401, 403}


def test_suite_fits_into_an_hour_of_the_sandbox(gu1, capsys):
    """Else part of the suite is skipped: two runs in one hour exceed the limit."""
    if IS_LIVE:
        with capsys.disabled():
            print(f"\n{len(gu1.spent)} of gu1's 100 requests an hour are spent")
    assert len(gu1.spent) <= MOST_REQUESTS


def test_request_beyond_the_budget_is_never_sent():
    """Else the suite uses up the requests of the sandbox's other users."""
    sent = []
    inner = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(200))
    transport = Counting(inner, spent=["GET"], most=2)
    request = httpx.Request("GET", "https://gu1.test")
    run(transport.handle_async_request(request))
    with pytest.raises(pytest.skip.Exception, match="spent its 2 requests"):
        run(transport.handle_async_request(request))
    assert len(sent) == 1
