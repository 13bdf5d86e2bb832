"""The partner gave the details: the customer only agrees, and nothing of them is shown."""

import pytest

from portal.domain.errors import Refused
from tests.databases import on_both_databases
from tests.factories import some_details
from tests.page import APPLICANT
from tests.partners import partners_file

NUMBER = "30111222"


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path), "operator_name": "The operator"})


@pytest.fixture
def invited(stored):
    """By a partner that gave everything."""
    facts = {"partner": "shop", "external_id": "customer-7", "validation": None, "consent": None}
    facts |= {"submission": None, "given_by_partner": True}
    return stored(**facts, document_digest=None, due_at=None, details=some_details(document_number=NUMBER))


@pytest.fixture
def agree(ask, visitor, invited):
    def agree(**changes):
        token = visitor.get(invited).one("input", name="form_token")["value"]
        return ask("POST", invited, data={"form_token": token, "consent": "y"} | changes)

    return agree


def test_nothing_is_asked_but_consent(visitor, invited):
    page = visitor.get(invited)
    assert [field["name"] for field in page.all("input")] == ["form_token", "read", "consent"]
    assert "The shop" in page.html


@pytest.mark.asvs("8.2.3")
def test_link_shows_too_little_to_learn_somebodys_data(visitor, invited):
    page = visitor.get(invited)
    assert NUMBER[-3:] in page.html
    assert not any(it in page.html for it in (NUMBER, "Ana", "Núñez", "ana@example.com"))


@pytest.mark.asvs("2.3.1")
def test_nothing_goes_to_gu1_before_they_agree(invited, work, gu1):
    work()
    assert [name for name, *_ in gu1.calls if name.startswith("create")] == []


@on_both_databases
def test_agreeing_sends_what_the_partner_gave(agree, invited, work, gu1, sql):
    answer = agree()
    assert (answer.status_code, answer.headers["Location"]) == (303, invited)
    work()
    assert ("30111222", "customer-7") in gu1.entities.values()
    assert sql("SELECT consent_given_at IS NULL, details_sealed IS NULL FROM onboardings") == [(False, True)]


def test_without_consent_it_is_asked_again(agree, work, gu1):
    answer = agree(consent="")
    assert answer.status_code == 400 and 'aria-invalid="true"' in answer.text
    work()
    assert not gu1.entities


@pytest.mark.asvs("16.5.3")
def test_what_could_not_be_stored_is_not_acknowledged(agree, sql):
    sql("CREATE TRIGGER fault BEFORE UPDATE ON onboardings BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    answer = agree()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    sql("DROP TRIGGER fault")
    assert agree().status_code == 303


def test_an_agreement_of_which_nothing_can_be_read_is_to_be_given_again(ask, visitor, invited, reads_fail):
    fields = visitor.get(invited).fields | {"consent": "y"}
    mend = reads_fail()
    answer = ask("POST", invited, data=fields)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert f'href="{invited}"' in answer.text
    mend()
    assert ask("POST", invited, data=fields).headers["Location"] == invited


def test_nobody_agrees_to_the_operator_instead_of_the_partner(stored, visitor, reads_fail):
    """The form that comes back while it cannot be read who asks."""
    path = stored(partner="shop", external_id="customer-7", validation=None, consent=None, details=None)
    fields = visitor.get(path).fields | APPLICANT
    reads_fail()
    assert "The operator" not in visitor.post(path, fields).html


@pytest.fixture
def refused(agree, work, gu1):
    """gu1 does not take what the partner gave."""
    gu1.failing["create_entity"] = Refused(400, "INVALID_TAX_ID", about_details=True)
    agree()
    work()


@pytest.mark.usefixtures("refused")
def test_details_that_gu1_refuses_are_the_partners_to_correct(ask, invited, visitor):
    page = visitor.get(invited)
    assert page.all("form") == [] and "The shop" in page.html
    assert not any(it in page.html for it in (NUMBER, "Ana", "Núñez", "ana@example.com"))
    assert ask("POST", invited, data={"document_number": "11222333"}).headers["Location"] == invited
