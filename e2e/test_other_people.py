"""Another person's document, and another person's entity at gu1, in real processes."""

from __future__ import annotations

import time

import httpx
import pytest
from playwright.sync_api import expect

from e2e.pages.forms import details, form_token, send_form
from e2e.servers import API_KEY
from tests.databases import on_both_databases
from tests.local_http import LOCAL

CPF, ANOTHER_CPF = "123.456.789-09", "529.982.247-25"
ON_HOLD = {
    "es-AR": "El nombre del documento que mostraste no es el de tus datos",
    "es": "El nombre del documento que mostraste no es el de tus datos",
    "pt-BR": "O nome no documento que você mostrou não é o dos seus dados",
    "en": "The name on the document you showed is not the one in your details",
}
PEDRO = {"first_name": "Pedro", "last_name": "Gómez Luna"}
OLD_DNI, CUIL = "7.654.321", "20-7654321-7"
PAUSE = 0.1


@pytest.fixture
def gu1(quick_environment):
    """Speaks to the mock as its owner."""
    with httpx.Client(
        base_url=quick_environment.gu1.url, headers={"Authorization": f"Bearer {API_KEY}"}, **LOCAL
    ) as client:
        yield client


def entity_of(gu1, number, country="AR", **name):
    """Somebody is at gu1 already."""
    told = {"type": "person", "name": " ".join(name.values()), "taxId": number, "countryCode": country}
    person = {"firstName": name["first_name"], "lastName": name["last_name"]}
    return gu1.post("/api/entities", json={**told, "entityData": {"person": person}}).raise_for_status()


def arrives(link, within=60.0):
    """The stage that it stays at without anybody's doing."""
    deadline = time.monotonic() + within
    while True:
        answer = httpx.get(f"{link}/status", headers={"Accept": "application/json"}, **LOCAL)
        stage = answer.json()["stage"] if answer.is_success else None
        if stage in {"details", "ready"}:
            return stage
        assert time.monotonic() < deadline, stage
        time.sleep(PAUSE)


def page_of(link):
    return httpx.get(f"{link}?lang=en", **LOCAL).text


def nothing_of_pedro_in(environment, *pages):
    log = environment.portal.log.read_text()
    return not [word for word in PEDRO.values() if any(word in text for text in (log, *pages))]


def test_somebody_elses_document_is_held_where_numbers_cannot_be_compared(applicant):
    applicant.start(CPF, country="BR")
    applicant.arrives_at_hosted_page()
    applicant.chooses("Approve with somebody else's document")
    applicant.sees_stage("in_review")
    link = applicant.access_link
    for language, words in ON_HOLD.items():
        applicant.page.goto(f"{link}?lang={language}")
        expect(applicant.page.locator("#status")).to_contain_text(words)
    applicant.start(ANOTHER_CPF, country="BR")
    applicant.arrives_at_hosted_page()
    applicant.chooses("Approve")
    applicant.sees_stage("approved")


@on_both_databases
def test_number_of_another_countrys_person_is_bound_to_nobody(quick_environment, gu1):
    entity_of(gu1, "20123470", **PEDRO)
    link = send_form(quick_environment.portal.url, "20.123.470", country="CO")
    assert arrives(link) == "details"
    page = page_of(link)
    assert "do not belong together" in page and "Talk to a person" in page
    assert nothing_of_pedro_in(quick_environment, page)
    assert quick_environment.ledger()["created"] == 0
    assert quick_environment.portal.log.read_text().count("another person's entity") == 1


@on_both_databases
def test_two_people_of_one_old_number_both_arrive(quick_environment, gu1):
    entity_of(gu1, OLD_DNI, **PEDRO)
    link = send_form(quick_environment.portal.url, OLD_DNI)
    assert arrives(link) == "details"
    page = page_of(link)
    assert "Two people can have the same DNI number" in page and nothing_of_pedro_in(quick_environment, page)
    httpx.post(link, data=details(CUIL, form_token(page)), **LOCAL)
    assert arrives(link) == "ready"
    (row,) = quick_environment.ledger()["validations"]
    entity = gu1.get(f"/api/entities/{row['entity']}").json()
    assert (entity["taxId"], entity["name"]) == ("20-07654321-7", "Ana Pérez")


FAULTS = {
    "lost answer": {"kind": "close", "when": "after"},
    "hung gu1": {"kind": "hang", "seconds": 20, "when": "after"},
    "SIGKILL": {"kind": "latency", "seconds": 3, "when": "before"},
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_read_that_is_cut_short_binds_nobody_to_a_stranger(quick_environment, gu1, fault):
    entity_of(gu1, "20123470", **PEDRO)
    entity_of(gu1, "20123471", first_name="ANA", last_name="PEREZ")
    for number, expected in (("20123470", "details"), ("20123471", "ready")):
        told = {"operation": "read_entity", **FAULTS[fault]}
        ordered = gu1.post("/_mock/faults", json=told).raise_for_status().json()
        link = send_form(quick_environment.portal.url, number)
        if fault == "SIGKILL":
            until_met(gu1, ordered["id"])
            quick_environment.portal.kill()
            quick_environment.portal.start()
        assert arrives(link) == expected
        assert nothing_of_pedro_in(quick_environment, page_of(link))
    assert quick_environment.ledger()["created"] == 1


def until_met(gu1, fault_id, within=20.0):
    deadline = time.monotonic() + within
    while not any(it["id"] == fault_id and it["fired"] for it in gu1.get("/_mock/faults").json()["faults"]):
        assert time.monotonic() < deadline
        time.sleep(PAUSE)
