"""A document number is shown as the country prints it before it is used, and a mistyped one is given once more."""

from urllib.parse import urlsplit

import pytest

from portal.domain.correction import Correction
from portal.domain.name_match import name_of
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck
from portal.web.document_numbers import rule_for
from tests.page import APPLICANT
from tests.partners import partners_file
from tests.web.conftest import ONBOARDINGS

CARD = "30.123.457"
APPROVED = {
    "status": Status.APPROVED,
    "double_check": DoubleCheck.ANSWERED,
    "document_number": "30123457",
    "name": name_of("MARIA JOSE", "O'HIGGINS"),
}


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


@pytest.fixture
def hold(onboardings, gu1, visitor, work, clock):
    """Approves the onboarding with the number of `CARD`."""

    def hold(path):
        work()
        visitor.get(f"{path}/continue")
        clock.advance(seconds=1)
        onboardings.observe(gu1.becomes("validation-1", **APPROVED))
        return path

    return hold


@pytest.fixture
def path(visitor, hold):
    return hold(visitor.begin())


@pytest.fixture
def send(visitor, path):
    """The form with which the number is given once more."""

    def send(typed=CARD, **changes):
        fields = visitor.get(f"{path}/number").fields | {"document_number": typed, "shown_number": typed}
        return visitor.post(f"{path}/number", fields | changes)

    return send


# Before sending


@pytest.mark.parametrize(
    ("country", "number", "printed"),
    [
        ("AR", "30111222", "30.111.222"),
        ("AR", "5111222", "5.111.222"),
        ("AR", "20301112224", "20-30111222-4"),
        ("BR", "12345678909", "123.456.789-09"),
        ("CL", "123456785", "12.345.678-5"),
        ("CL", "1234567K", "1.234.567-K"),
        ("CO", "1023456789", "1.023.456.789"),
        ("CO", "123456", "123.456"),
        ("UY", "12345672", "1.234.567-2"),
        ("PE", "12345678", "12345678"),
        ("MX", "GODE561231GR8", "GODE561231GR8"),
        ("US", "AB123456", "AB123456"),
    ],
)
def test_numbers_are_grouped_as_the_country_prints_them(country, number, printed):
    assert rule_for(country).grouped(number) == printed


def test_without_the_script_the_form_comes_back_once_and_shows_the_number(visitor, count):
    page = visitor.send_form(document_number="30123456", shown_number="", email="ana@example.com")
    assert (page.status, count()) == (200, 0)
    assert "Escribiste 30.123.456." in page.text("div", id="compare")
    assert page.one("input", id="document_number")["value"] == "30.123.456"
    assert "checked" in page.one("input", id="consent")
    sent = visitor.post("/", page.fields | {"country": "AR", "consent": "y"})
    assert (sent.status, count()) == (303, 1)


def test_number_that_was_changed_afterwards_is_shown_again(visitor, count):
    page = visitor.send_form(document_number="30123457", shown_number="30.123.456")
    assert (page.status, count()) == (200, 0)
    assert "Escribiste 30.123.457." in page.text("div", id="compare")


def test_form_that_comes_back_for_another_reason_shows_it_too(visitor, count):
    page = visitor.send_form(document_number="30123456", shown_number="", first_name="")
    assert page.status == 400
    assert page.text("p", **{"class": "echo"}).endswith("30.123.456")
    assert visitor.post("/", page.fields | {"country": "AR", "consent": "y", "first_name": "Ana"}).status == 303


# A mistyped one


def test_held_page_says_why_and_leads_to_the_form(visitor, path):
    page = visitor.get(path)
    assert page.stage == Stage.IN_REVIEW
    assert "El número del documento que mostraste no es el que escribiste." in page.html
    form = visitor.get(page.one("a", href=f"{path}/number")["href"])
    assert form.text("h1") == "Corregí tu número"
    assert not form.all("input", id="first_name")
    assert not form.all("meta", http_equiv="refresh")


def test_right_number_is_corrected_and_the_verdict_counts(visitor, send, path, work, gu1):
    sent = send()
    assert (sent.status, sent.response.headers["Location"]) == (303, path)
    assert visitor.get(path).text("h1") == "Estamos corrigiendo tu número"
    work()
    assert visitor.get(path).stage == Stage.APPROVED
    assert (gu1.entities["entity-1"][0], len(gu1.validations)) == ("30123457", 1)
    assert visitor.get(f"{path}/status", headers={"Accept": "application/json"}).json["status"] == "approved"


def test_if_gu1_keeps_the_number_the_page_says_that_photos_are_needed_once_more(visitor, send, path, work, gu1):
    gu1.changes_numbers = "refused"
    send()
    work()
    page = visitor.get(path)
    assert page.stage == Stage.READY
    assert "Hacen falta otra vez las fotos" in page.html
    # Whoever waits for it has to read that first.
    assert visitor.get(f"{path}/status?part=status").status == 200
    visitor.get(f"{path}/continue")
    assert "Hacen falta otra vez las fotos" not in visitor.get(path).html


def test_wrong_number_stays_on_hold_and_is_no_longer_asked_for(visitor, send, path):
    send("30.999.888")
    page = visitor.get(path)
    assert "tampoco es el de ese documento" in page.html
    assert not page.all("a", href=f"{path}/number")
    assert page.all("section", aria_labelledby="contact-title")
    assert visitor.get(f"{path}/number").status == 303


@pytest.mark.parametrize("typed", ["", "12", "30.123.45x", "20-30123457-0"])
def test_what_is_no_number_uses_up_nothing(visitor, send, path, typed):
    page = send(typed)
    assert page.status == 400
    assert page.one("div", role="alert")
    assert visitor.get(f"{path}/number").status == 200


def test_number_is_shown_here_too_before_it_is_used(visitor, send, path, work):
    page = send(shown_number="")
    assert (page.status, visitor.get(path).text("h1")) == (200, "Tu verificación está en pausa")
    assert "Escribiste 30.123.457." in page.text("div", id="compare")
    assert visitor.post(f"{path}/number", page.fields).status == 303
    work()
    assert visitor.get(path).stage == Stage.APPROVED


def test_form_of_another_onboarding_is_refused(visitor, send, path):
    assert send(form_token=visitor.get("/").fields["form_token"]).status == 400
    assert visitor.get(f"{path}/number").status == 200


def test_sent_twice_it_counts_once(visitor, path, work):
    fields = visitor.get(f"{path}/number").fields | {"document_number": CARD, "shown_number": CARD}
    assert [visitor.post(f"{path}/number", fields).status for _ in range(2)] == [303, 303]
    work()
    assert visitor.get(path).stage == Stage.APPROVED


def test_record_that_was_there_before_needs_the_names_again(visitor, hold, gu1, work):
    gu1.entities["entity-9"] = ("30123456", "somebody-else")
    path = hold(visitor.begin())
    form = visitor.get(f"{path}/number")
    assert "hacen falta otra vez las fotos" in form.html
    fields = form.fields | {"document_number": CARD, "shown_number": CARD}
    assert visitor.post(f"{path}/number", fields).status == 400
    names = {name: APPLICANT[name] for name in ("first_name", "last_name")}
    assert visitor.post(f"{path}/number", fields | names).status == 303
    work()
    assert "Hacen falta otra vez las fotos" in visitor.get(path).html


def test_while_the_database_is_down_what_was_typed_stays(send, writes_fail):
    mend = writes_fail("history")
    page = send()
    assert (page.status, page.one("input", id="document_number")["value"]) == (503, CARD)
    mend()
    assert send().status == 303


# A partner's


@pytest.fixture
def invited(create, visitor, hold):
    """The API address of an onboarding whose number came from the partner, and its path."""
    answer = create(
        applicant={name: APPLICANT[name] for name in APPLICANT if name not in {"consent", "shown_number", "email"}}
    )
    path = urlsplit(answer.json["url"]).path
    visitor.post(path, visitor.get(path).fields | {"consent": "y"})
    return f"{ONBOARDINGS}/{answer.json['id']}", hold(path)


def applicant(**changes):
    given = {name: APPLICANT[name] for name in ("country", "document_number", "first_name", "last_name")}
    return given | changes


@pytest.mark.asvs("8.2.3")
def test_person_cannot_correct_a_partners_number(invited, visitor):
    _, path = invited
    page = visitor.get(path)
    assert not page.all("a", href=f"{path}/number")
    assert visitor.get(f"{path}/number").status == 303
    token = visitor.get(path).fields.get("form_token", "")
    sent = visitor.post(f"{path}/number", {"document_number": CARD, "shown_number": CARD, "form_token": token})
    assert (sent.status, visitor.get(path).stage) == (303, Stage.IN_REVIEW)


def test_partner_sends_the_applicant_again(invited, api, create, work):
    address, _ = invited
    assert api("GET", address).json["correction"] is None
    again = create(applicant=applicant(document_number=CARD))
    assert (again.status_code, again.json["status"]) == (200, "in_review")
    assert api("GET", address).json["correction"] == Correction.PENDING
    work()
    told = api("GET", address).json
    assert (told["status"], told["correction"], told["identity_match"]) == ("approved", "corrected", "match")
    actions = [it["action"] for it in api("GET", f"{address}/events").json["events"]]
    assert actions[-2:] == ["number_given_again", "number_corrected"]


def test_partner_that_is_wrong_again_is_told_so(invited, api, create):
    address, _ = invited
    assert create(applicant=applicant(document_number="30.999.888")).status_code == 200
    told = api("GET", address).json
    assert (told["status"], told["correction"]) == ("in_review", "refused")
    assert create(applicant=applicant(document_number=CARD)).status_code == 409
