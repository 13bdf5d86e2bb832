"""A document number that was mistyped, in a real browser: it is shown while it is typed, and corrected once."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from e2e.pages.applicant import PHONE, Applicant, a_document_number
from e2e.servers import API_KEY
from tests.local_http import LOCAL

CARD, PRINTED = "30111223", "30.111.223"
MISTYPED = "Approve with the document 30111223"
NEEDS_PHOTOS = "Hacen falta otra vez las fotos"


def arrives_at_the_held_page(applicant: Applicant, typed: str) -> None:
    applicant.start(typed)
    applicant.arrives_at_hosted_page()
    applicant.chooses(MISTYPED)
    applicant.sees_stage("in_review")
    expect(applicant.page.locator("h1")).to_have_text("Tu verificación está en pausa")


def gives_number_again(applicant: Applicant, number: str, printed: str) -> None:
    page = applicant.page
    page.get_by_role("link", name="Escribí mal mi número").click()
    page.locator("[name=document_number]").fill(number)
    expect(page.locator(".echo")).to_contain_text(printed)
    page.get_by_role("button", name="Enviar el número corregido").click()


def tax_ids(running) -> list[str]:
    """Of every entity at gu1."""
    key = {"Authorization": f"Bearer {API_KEY}"}
    found = httpx.get(f"{running.gu1.url}/api/entities", headers=key, **LOCAL).json()["entities"]
    return sorted(it["taxId"] for it in found)


def test_number_is_shown_as_it_is_printed_while_it_is_typed(applicant):
    applicant.open_form()
    page, echo = applicant.page, applicant.page.locator(".echo")
    expect(echo).to_be_hidden()
    for typed, shown in [("30111", "30111"), ("30111222", "30.111.222"), ("20301112224", "20-30111222-4")]:
        page.locator("[name=document_number]").fill(typed)
        expect(echo).to_contain_text(shown)
    page.locator("[name=country]").select_option("BR")
    page.locator("[name=document_number]").fill("12345678909")
    expect(echo).to_contain_text("123.456.789-09")


def test_corrected_number_is_approved_without_a_further_charge(browser, own_environment):
    running = own_environment
    with browser.new_context(**PHONE) as context:
        applicant = Applicant(context.new_page(), running.portal.url)
        arrives_at_the_held_page(applicant, "30111222")
        gives_number_again(applicant, CARD, PRINTED)
        applicant.sees_stage("approved")
    ledger = running.ledger()
    assert (ledger["created"], ledger["charged"]) == (1, 1)
    assert tax_ids(running) == [PRINTED]


@pytest.mark.parametrize("number_change", ["refused", "ignored"])
def test_where_gu1_keeps_the_number_the_photos_are_taken_once_more(browser, own_environment, number_change):
    running = own_environment
    world = {"number_change": number_change}
    httpx.post(f"{running.gu1.url}/_mock/world", json=world, **LOCAL).raise_for_status()
    with browser.new_context(**PHONE) as context:
        applicant = Applicant(context.new_page(), running.portal.url)
        arrives_at_the_held_page(applicant, "30111222")
        gives_number_again(applicant, CARD, PRINTED)
        # On a phone too it does not go on to the camera before that was read.
        applicant.sees_stage("ready")
        expect(applicant.page.locator(".notice").first).to_contain_text(NEEDS_PHOTOS)
        applicant.way_to_camera.click()
        applicant.is_sent_to_hosted_page()
        applicant.chooses("Approve")
        applicant.sees_stage("approved")
    assert tax_ids(running) == ["30.111.222", PRINTED]


def test_second_wrong_number_ends_at_a_person(applicant):
    arrives_at_the_held_page(applicant, a_document_number())
    gives_number_again(applicant, "30111224", "30.111.224")
    applicant.sees_stage("in_review")
    expect(applicant.page.locator("#status")).to_contain_text("solo se puede corregir una vez")
    expect(applicant.page.get_by_role("link", name="Escribí mal mi número")).to_have_count(0)
