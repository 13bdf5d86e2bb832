"""The human way out: where it is offered, and how it looks by the kind of address."""

import pytest

from portal.domain.reasons import MAY_NEED_A_PERSON, REMEDIES, Reason, Remedy
from portal.domain.reference import read_reference
from portal.domain.status import Status
from portal.domain.validation import IdentityMatch
from tests.factories import NOW
from tests.web.stages import SHOWN, adopted, rejected, stored_as

PAGE = "https://ayuda.acme.example/kyc?de=portal"
MAIL = "mailto:ayuda@acme.example"
OFFERED = {"closed", "cancelled", "lapsed"}


@pytest.fixture(params=[None])
def contact_url(request):
    return request.param


@pytest.fixture
def config(config, contact_url):
    return config.model_copy(update={"contact_url": contact_url, "operator_name": "Acme & Cía."})


def section(page):
    return page.all("section", aria_labelledby="contact-title")


def link_of(page):
    return page.one("a", class_="button")


@pytest.mark.parametrize("stage", SHOWN)
def test_stages_that_need_a_person_name_one(visitor, stored, stage):
    assert bool(section(visitor.get(stored(**stored_as(stage))))) == (stage in OFFERED)


@pytest.mark.parametrize("reason", Reason)
def test_reasons_that_need_a_person_name_one(visitor, stored, reason):
    page = visitor.get(stored(validation=rejected(reason)))
    assert bool(section(page)) == (REMEDIES[reason] is Remedy.CONTACT or reason in MAY_NEED_A_PERSON)


@pytest.mark.parametrize("reason", [it for it in Reason if REMEDIES[it] is not Remedy.RETRY_LATER])
def test_before_the_last_attempt_everybody_is_told_of_one(visitor, stored, reason):
    assert section(visitor.get(stored(validation=rejected(reason, number=2))))


def test_second_outage_in_a_row_names_a_person(visitor, stored):
    silent = rejected(Reason.REGISTRY_UNAVAILABLE, number=2)
    assert section(visitor.get(stored(validation=silent, outages=1, outages_in_row=1)))


def test_on_hold_only_a_person_helps(visitor, stored):
    held = adopted(status=Status.APPROVED, identity_match=IdentityMatch.MISMATCH)
    assert section(visitor.get(stored(validation=held)))


def test_the_company_is_named_and_given_the_reference(visitor, stored):
    page = visitor.get(stored(**stored_as("closed")))
    assert "Comunicate con Acme &amp; Cía. y mencioná esta referencia:" in page.html
    assert read_reference(page.text("p", **{"class": "contact__reference"}))
    assert not page.all("p", class_="reference"), "said twice"


def test_without_an_address_there_is_no_link(visitor, stored):
    assert not visitor.get(stored(**stored_as("closed"))).all("a", class_="button")


@pytest.mark.parametrize("contact_url", [PAGE], indirect=True)
def test_a_page_is_opened(visitor, stored):
    page = visitor.get(stored(**stored_as("closed")))
    assert link_of(page)["href"] == PAGE
    assert page.text("a", **{"class": "button"}) == "Abrir la página de ayuda"


@pytest.mark.parametrize(
    "contact_url", ["https://wa.me/5491155551234", "https://api.whatsapp.com/send?phone=5491155551234"], indirect=True
)
def test_a_chat_is_named_as_what_it_is(visitor, stored, contact_url):
    page = visitor.get(stored(**stored_as("closed")))
    assert link_of(page)["href"] in {contact_url, contact_url.replace("&", "&amp;")}
    assert page.text("a", **{"class": "button"}) == "Escribir por WhatsApp"


@pytest.mark.parametrize("contact_url", [MAIL], indirect=True)
def test_a_letter_begins_with_the_reference(visitor, stored):
    page = visitor.get(stored(**stored_as("closed")))
    reference = page.text("p", **{"class": "contact__reference"})
    assert link_of(page)["href"] == f"{MAIL}?subject=Referencia%3A%20{reference}"
    assert page.text("a", **{"class": "button"}) == "Escribir a ayuda@acme.example"


@pytest.mark.parametrize("contact_url", [f"{MAIL}?subject=KYC"], indirect=True)
def test_a_letter_begins_as_the_operator_wants(visitor, stored):
    page = visitor.get(stored(**stored_as("closed")))
    assert link_of(page)["href"] == f"{MAIL}?subject=KYC"
    assert page.text("a", **{"class": "button"}) == "Escribir a ayuda@acme.example"


@pytest.mark.parametrize("contact_url", ["tel:+54-11-5555-1234"], indirect=True)
def test_a_number_is_called_and_can_be_read(visitor, stored):
    page = visitor.get(stored(**stored_as("closed")))
    assert link_of(page)["href"] == "tel:+54-11-5555-1234"
    assert page.text("a", **{"class": "button"}) == "Llamar al +54-11-5555-1234"


@pytest.mark.parametrize("contact_url", [MAIL], indirect=True)
def test_beside_another_attempt_the_link_is_the_quieter_one(visitor, stored):
    page = visitor.get(stored(validation=rejected(number=2)))
    assert page.one("a", class_="button button--quiet")["href"].startswith(MAIL)


@pytest.mark.parametrize("contact_url", [MAIL], indirect=True)
@pytest.mark.parametrize("path", ["/nothing", "/o/nothing"])
def test_a_page_that_is_not_there_leads_to_a_person(visitor, path):
    assert visitor.get(path).one("a", class_="button button--quiet")["href"] == MAIL


@pytest.mark.parametrize("contact_url", [MAIL], indirect=True)
def test_an_old_link_leads_to_a_person(visitor, stored, clock):
    path = stored(**stored_as("waiting"))
    clock.advance(days=31)
    assert visitor.get(path).one("a", class_="button button--quiet")["href"] == MAIL


def test_whoever_stopped_by_mistake_begins_again(visitor, stored):
    stopped = stored_as("waiting") | {"stopped_at": NOW}
    assert visitor.get(stored(**stopped)).one("a", class_="button button--quiet", href="/")
    invited = visitor.get(stored(**stopped | {"external_id": "customer-7", "validation": adopted()}))
    assert not invited.all("a", class_="button button--quiet")
