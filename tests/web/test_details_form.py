import io
from urllib.parse import urlencode

import pytest

from portal.app import create_app
from portal.domain.onboarding import EntityConflict
from portal.domain.stage import Stage
from portal.web.links import FormTokens
from tests.databases import on_both_databases
from tests.page import APPLICANT, Visitor
from tests.web.conftest import query_of, token_in
from tests.web.stages import stored_as

VALID = {
    "AR": {"document_number": "30.123.456", "shown_number": "30.123.456"},
    "AR by CUIL": {"country": "AR", "document_number": "20-30123456-3"},
    "BR": {"document_number": "123.456.789-09"},
    "MX": {"document_number": "GODE561231GR8"},
    "CL": {"document_number": "12.345.678-5"},
    "CO": {"document_number": "1.023.456.789"},
    "PE": {"document_number": "12345678"},
    "UY": {"document_number": "1.234.567-2"},
    "other": {"issuing_country": "US", "document_number": "AB123456"},
}

WRONG = [
    ("country", None),
    ("country", ""),
    ("country", "ar"),
    ("country", "XX"),
    ("country", "A" * 1000),
    ("document_number", None),
    ("document_number", "   "),
    ("document_number", "12"),
    ("document_number", "1" * 4000),
    ("document_number", "30123456\x00"),
    ("document_number", "３０１２３４５６"),
    ("document_number", "30123456; DROP TABLE onboardings"),
    ("first_name", None),
    ("first_name", "   "),
    ("first_name", "-'."),
    ("first_name", "A" * 81),
    ("first_name", "Ana\x00"),
    ("first_name", "Ana\r\nBcc: everybody"),
    ("first_name", "R2D2"),
    ("last_name", None),
    ("last_name", "<b>Núñez</b>"),
    ("last_name", "\ud7ff"),
    ("email", "ana"),
    ("email", "ana@example.com\r\nBcc: everybody@example.com"),
    ("email", "a" * 250 + "@example.com"),
    ("email", "ana@\x00example.com"),
    ("consent", None),
    ("consent", ""),
    ("consent", "false"),
    ("consent", "0"),
]

INJECTION = "'\"><script>alert(1)</script>{{ 7 * 7 }}"


def typed_into(page):
    """What the fields hold, the choice and the tick included."""
    checked = {it["name"]: it["value"] for it in page.all("input", type="checkbox") if "checked" in it}
    chosen = {
        it["name"]: it["value"]
        for it in [dict(name="country", **one) for one in page.all("option")]
        if "selected" in it
    }
    inputs = {name: value for name, value in page.fields.items() if name not in {"form_token", "country", "read"}}
    return inputs | chosen | checked


@pytest.mark.parametrize("country", VALID)
def test_each_country_has_a_way_through(visitor, count, country):
    sent = visitor.send_form(**{"country": country} | VALID[country])
    assert sent.status == 303
    assert token_in(sent.response.headers["Location"])
    assert count() == 1


@pytest.mark.asvs("2.2.2")
@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda it: repr(it)[:40])
def test_a_wrong_field_is_pointed_out_and_nothing_stored(visitor, count, name, value):
    page = visitor.send_form(**{name: value})
    (field,) = [it for tag in ("input", "select") for it in page.all(tag, name=name)]
    assert (page.status, count()) == (400, 0)
    assert field["aria-invalid"] == "true"
    assert f"{field['id']}-error" in field["aria-describedby"].split()
    assert page.one("a", href=f"#{field['id']}")


@pytest.mark.asvs("2.2.3")
def test_another_country_has_to_be_named(visitor, count):
    for named in (None, "", "AR", "EU", "XX", "us"):
        page = visitor.send_form(country="other", issuing_country=named, document_number="AB123456")
        assert page.one("select", name="issuing_country")["aria-invalid"] == "true"
    assert count() == 0


def test_a_wrong_form_says_so_first(visitor):
    page, fresh = visitor.send_form(first_name=""), visitor.get("/")
    summary = page.one("div", role="alert")
    assert summary["tabindex"] == "-1"
    assert "autofocus" in summary
    assert "aria-labelledby" not in summary, "or Orca says the heading twice"
    assert page.text("title") != fresh.text("title")
    assert page.text("title").endswith(fresh.text("title"))
    assert not fresh.all("div", role="alert")


def test_every_problem_is_in_the_summary(visitor):
    page = visitor.post("/", {"form_token": visitor.get("/").fields["form_token"]})
    for name in ("country", "document_number", "first_name", "last_name", "consent"):
        assert page.one("a", href=f"#{name}")
    assert not page.all("a", href="#email")


def test_a_wrong_form_keeps_what_was_typed(visitor):
    typed = APPLICANT | {"country": "BR", "document_number": "  12 3", "email": "not an address"}
    page = visitor.send_form(**typed)
    assert page.status == 400
    assert typed_into(page) == typed | {"shown_number": ""}


@pytest.mark.asvs("1.1.2", "1.2.1")
@pytest.mark.parametrize("name", ["country", "issuing_country", "document_number", "first_name", "last_name", "email"])
def test_what_was_typed_is_never_markup(visitor, name):
    page = visitor.send_form(**{"country": "other", name: INJECTION})
    assert page.status == 400
    assert len(page.all("script")) == len(visitor.get("/").all("script"))
    assert "<script>alert" not in page.html
    assert "49" not in page.fields.get(name, "")


@pytest.mark.asvs("1.1.2")
@pytest.mark.parametrize("address", ["/?lang={}", "/?country={}", "/{}", "/o/{}", "/return?verificationSessionId={}"])
def test_addresses_are_never_markup(visitor, address):
    page = visitor.get(address.format("%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E"))
    assert page.status in {200, 404}
    assert "alert(1)" not in page.html.replace("&lt;script&gt;alert(1)", "")


@pytest.mark.asvs("15.3.7")
@pytest.mark.parametrize("kind", ["country[]", "first_name[]", "first_name[0]", "consent[]"])
def test_list_like_names_are_other_fields(visitor, count, kind):
    name = kind.split("[")[0]
    assert visitor.send_form(**{name: None, kind: APPLICANT[name]}).status == 400
    assert count() == 0


@pytest.mark.asvs("15.3.7")
def test_of_a_field_sent_twice_one_counts(visitor):
    assert visitor.send_form(first_name=["Ana", "<b>"]).status == 303
    assert visitor.send_form(first_name=["<b>", "Ana"]).status == 400


@pytest.mark.parametrize("body", ["[1]", "5", "null", "{", '{"first_name": {"a": 1}, "country": ["AR"]}'])
def test_a_form_is_not_read_from_json(visitor, count, body):
    assert visitor.post("/", body, content_type="application/json").status == 400
    assert count() == 0


@pytest.mark.parametrize("name", ["first_name", "document_number", "form_token", "country", "email"])
def test_a_file_is_no_field(visitor, count, name):
    file = (io.BytesIO(b"Ana"), "ana.txt")
    page = visitor.send_form(**{name: file})
    assert (page.status, count()) == ((303, 1) if name == "email" else (400, 0))


def test_too_many_parts_are_refused(visitor, count):
    many = visitor.get("/").fields | APPLICANT | {f"part{number}": "" for number in range(60)}
    assert visitor.post("/", many, content_type="multipart/form-data").status == 413
    assert count() == 0


def body_of(visitor, length):
    """A right form, padded to exactly this many bytes."""
    body = urlencode(visitor.get("/").fields | APPLICANT | {"padding": ""}).encode()
    return body.ljust(length, b"x")


@pytest.mark.asvs("1.3.3")
@pytest.mark.parametrize(
    ("length", "status", "stored"), [(16 * 1024, 303, 1), (16 * 1024 + 1, 413, 0), (2**20, 413, 0)]
)
def test_bodies_have_a_limit(visitor, count, length, status, stored):
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert visitor.post("/", body_of(visitor, length), **form).status == status
    assert count() == stored


def test_a_body_of_unstated_length_is_read_no_further(visitor, count):
    page = visitor.post(
        "/",
        input_stream=io.BytesIO(b"padding=".ljust(16 * 1024, b"x") + b"&" + body_of(visitor, 0)),
        content_type="application/x-www-form-urlencoded",
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    )
    assert (page.status, count()) == (400, 0)


def test_too_much_is_refused_in_the_visitors_language(visitor):
    too_much = {"first_name": "A" * 17_000}
    assert visitor.post("/?lang=pt-BR", too_much).one("html")["lang"] == "pt-BR"
    assert visitor.post("/", too_much, headers={"Accept-Language": "en"}).one("html")["lang"] == "en"


def other_tokens(config, clock):
    ours, theirs = FormTokens(config.secret_keys, "1", clock), FormTokens(("x" * 32,), "1", clock)
    good = ours.issue("direct")
    return {
        "missing": None,
        "empty": "",
        "cut short": good[:-1],
        "changed": "A" + good[1:],
        "of another form": ours.issue("onboarding-1"),
        "of another key": theirs.issue("direct"),
        "not text": "\x00\ud7ff",
        "long": good * 50,
    }


@pytest.mark.parametrize(
    "kind", ["missing", "empty", "cut short", "changed", "of another form", "of another key", "not text", "long"]
)
def test_a_form_without_its_token_is_asked_for_again(visitor, config, clock, count, kind):
    page = visitor.send_form(form_token=other_tokens(config, clock)[kind])
    assert (page.status, count()) == (400, 0)
    assert typed_into(page) == APPLICANT
    assert visitor.post("/", page.fields | APPLICANT).status == 303


@pytest.mark.asvs("9.2.2")
def test_an_access_link_is_no_form_token(visitor):
    link = token_in(visitor.begin())
    assert visitor.send_form(form_token=link).status == 400


@pytest.mark.asvs("7.3.2", "9.2.1")
def test_a_form_lives_for_a_day(visitor, clock, count):
    fields = visitor.get("/").fields | APPLICANT
    clock.advance(hours=24, seconds=2)
    assert (visitor.post("/", fields).status, count()) == (400, 0)
    clock.advance(seconds=-3)
    assert (visitor.post("/", fields).status, count()) == (303, 1)


@pytest.mark.asvs("9.2.1")
def test_a_form_survives_a_clock_that_lags(visitor, clock):
    fields = visitor.get("/").fields | APPLICANT
    clock.advance(seconds=-30)
    assert visitor.post("/", fields).status == 303


@on_both_databases
def test_the_same_form_twice_is_one_onboarding(visitor, count):
    fields = visitor.get("/").fields | APPLICANT
    first, second = visitor.post("/", fields), visitor.post("/", fields)
    assert first.response.headers["Location"] == second.response.headers["Location"]
    assert count() == 1


def test_the_same_form_spelled_otherwise_is_the_same(visitor, count):
    fields = visitor.get("/").fields | APPLICANT
    again = fields | {"document_number": "30123456", "first_name": "  María  José ", "email": " "}
    first, second = visitor.post("/", fields), visitor.post("/", again)
    assert first.response.headers["Location"] == second.response.headers["Location"]
    assert count() == 1


@pytest.mark.parametrize(
    "change",
    [{"document_number": "30123457", "shown_number": "30123457"}, {"first_name": "Ana"}, {"email": "ana@example.com"}],
)
def test_a_changed_form_is_asked_about_before_it_is_another_onboarding(visitor, count, change):
    fields = visitor.get("/").fields | APPLICANT
    first, asked = visitor.post("/", fields), visitor.post("/", fields | change)
    assert (asked.status, count()) == (409, 1)
    second = visitor.post("/", asked.fields)
    assert first.response.headers["Location"] != second.response.headers["Location"]
    assert count() == 2


@pytest.mark.asvs("7.2.2")
def test_each_form_has_a_token_of_its_own(visitor, count):
    assert visitor.begin() != visitor.begin()
    assert count() == 2


def test_another_country_brings_its_own_field(visitor):
    brazil = visitor.get("/?part=document&country=BR")
    chile = visitor.get("/?part=document&country=CL")
    assert "<html" not in brazil.html
    assert brazil.one("div", id="document")
    modes = [page.one("input", id="document_number")["inputmode"] for page in (brazil, chile)]
    assert modes == ["numeric", "text"]
    assert brazil.text("label") != chile.text("label")


def test_the_rest_of_the_world_is_a_list(visitor):
    fragment = visitor.get("/?part=document&country=other")
    codes = [option["value"] for option in fragment.all("option")]
    assert fragment.one("select", name="issuing_country")
    assert {"US", "DE", "PY"} <= set(codes)
    assert not {"AR", "BR", "EU", "ZZ"} & set(codes)


@pytest.mark.parametrize("country", ["XX", "br", "", "%00", "A" * 2000])
def test_unknown_countries_get_the_usual_field(visitor, country):
    fragment = visitor.get(f"/?part=document&country={country}")
    assert fragment.status == 200
    assert fragment.html == visitor.get("/?part=document").html


def test_the_country_field_asks_for_the_fragment(visitor):
    page = visitor.get("/?lang=en")
    country = page.one("select", name="country")
    assert page.one("div", id=country["hx-target"].removeprefix("#"))
    assert visitor.get(f"{country['hx-get']}&country=BR").status == 200


@pytest.mark.parametrize(
    ("language", "accepted", "country"),
    [
        ("es-AR", "", "AR"),
        ("pt-BR", "", "BR"),
        ("en", "", None),
        ("es", "es", None),
        ("es", "es-419,es;q=0.9", None),
        ("es", "es-MX,es;q=0.9", "MX"),
        ("es-AR", "es-MX,es;q=0.9", "MX"),
        ("en", "en-US,en;q=0.9,es-CL;q=0.8", "CL"),
        ("es-AR", "en-US,en;q=0.9", "AR"),
        ("pt-BR", "pt-PT", "BR"),
        ("en", "xx-OTHER", None),
    ],
)
def test_the_country_is_guessed_only_where_something_says_it(visitor, language, accepted, country):
    for _ in range(2):  # the second may be kept
        page = visitor.get(f"/?lang={language}", headers={"Accept-Language": accepted})
        assert typed_into(page).get("country") == country
    assert (page.all("option")[0]["value"] == "") == (country is None)


def test_whoever_chooses_no_country_is_asked_for_it(visitor, count):
    sent = visitor.send_form("/?lang=en", country="")
    assert (sent.status, count()) == (400, 0)
    assert sent.one("a", href="#country")


def test_without_scripts_a_button_brings_the_field(visitor, count):
    page = visitor.get("/")
    button = page.one("button", name="action")
    typed = {"country": "CL", "document_number": "1", "first_name": "Ana", "last_name": "", "email": "x"}
    changed = visitor.post("/", page.fields | typed | {"action": button["value"]})
    assert (changed.status, count()) == (200, 0)
    assert typed_into(changed) == typed | {"shown_number": ""}
    assert not changed.all("input", aria_invalid="true")
    assert changed.one("input", name="document_number")["inputmode"] == "text"


@on_both_databases
def test_a_form_that_could_not_be_kept_comes_back(visitor, writes_fail, count):
    mend = writes_fail()
    page = visitor.send_form()
    assert (page.status, count()) == (503, 0)
    assert typed_into(page) == APPLICANT
    mend()
    assert visitor.post("/", page.fields | APPLICANT).status == 303


@on_both_databases
def test_sending_again_after_a_failure_is_the_same_wish(visitor, writes_fail):
    fields = visitor.get("/").fields
    writes_fail()
    assert visitor.post("/", fields | APPLICANT).fields["form_token"] == fields["form_token"]


@on_both_databases
def test_the_agreement_is_kept_with_its_version(visitor, sql, clock):
    visitor.begin()
    ((version, given_at),) = sql("SELECT consent_version, consent_given_at FROM onboardings")
    assert version
    assert str(given_at).startswith(clock.now.strftime("%Y-%m-%d"))


def test_without_a_direct_start_there_is_no_form(config, app, count):
    closed = Visitor(create_app(config.model_copy(update={"direct_start": False})))
    assert (closed.get("/").status, closed.post("/", APPLICANT).status, count()) == (404, 404, 0)


def test_nothing_that_is_pasted_is_cut(visitor):
    """A browser cuts at maxlength without a word, and the rest may be somebody else's number."""
    assert not [it for it in visitor.get("/").all("input") if "maxlength" in it]
    assert visitor.send_form(country="CO", document_number=" " * 8 + "1.023.456.789").status == 303


def test_one_name_is_enough_for_whoever_says_so(visitor, app, store):
    named = {"first_name": "Sukarno", "last_name": ""}
    assert visitor.send_form(**named).status == 400
    both = visitor.send_form(first_name="Ana", last_name="Núñez", has_one_name="y")
    assert both.one("input", name="last_name")["aria-invalid"] == "true"
    link = visitor.send_form(**named, has_one_name="y").response.headers["Location"]
    kept = store.get(app.extensions["portal"].access_links.onboarding_id(token_in(link)))
    assert (kept.details.first_name, kept.details.last_name) == ("Sukarno", "")


def test_enter_sends_the_form(visitor):
    """In a text field it presses the form's first submit button, also where scripts are off."""
    buttons = [it for it in visitor.get("/").all("button") if it.get("type", "submit") == "submit"]
    assert "name" not in buttons[0]


@pytest.fixture
def refused(stored):
    return stored(**stored_as(Stage.DETAILS))


def test_refused_details_are_asked_for_again(visitor, refused):
    page = visitor.get(f"{refused}?lang=en")
    assert page.fields["first_name"] == "Ana"
    assert (page.fields["document_number"], page.fields["email"]) == ("", "")
    field = page.one("input", name="document_number")
    assert field["aria-invalid"] == "true" and page.html.count("ends in 222") == 2, "in the summary and at the field"
    sent = visitor.post(f"{refused}?lang=en", page.fields | APPLICANT)
    assert (sent.status, sent.response.headers["Location"].split("?")[0]) == (303, refused)
    assert visitor.get(refused).stage == Stage.PREPARING


def test_corrected_details_are_checked_like_first_ones(visitor, refused):
    fields = visitor.get(refused).fields
    wrong = visitor.post(refused, fields | APPLICANT | {"document_number": "1"})
    assert wrong.status == 400
    assert wrong.one("input", name="document_number")["aria-invalid"] == "true"
    assert visitor.post(refused, visitor.get("/").fields | APPLICANT).status == 400


def test_a_correction_may_change_the_country(visitor, refused):
    fragment = visitor.get(f"{refused}?part=document&country=other")
    assert fragment.one("select", name="issuing_country")


@on_both_databases
def test_details_are_corrected_once(visitor, refused, count):
    fields = visitor.get(refused).fields | APPLICANT
    assert visitor.post(refused, fields).status == 303
    again = visitor.post(refused, fields | {"first_name": "Eva"})
    assert (again.status, count(), count("validations")) == (303, 1, 1)


@on_both_databases
def test_a_correction_of_whom_nothing_can_be_read_comes_back(visitor, refused, reads_fail):
    fields = visitor.get(refused).fields | APPLICANT
    mend = reads_fail()
    page = visitor.post(refused, fields)
    assert (page.status, page.response.headers["Retry-After"]) == (503, "5")
    assert typed_into(page) == APPLICANT
    assert page.fields["form_token"] == fields["form_token"]
    mend()
    assert visitor.post(page.one("form")["action"], page.fields | APPLICANT).status == 303
    assert visitor.get(refused).stage == Stage.PREPARING


@pytest.mark.asvs("2.2.2")
def test_a_correction_is_checked_while_nothing_can_be_read(visitor, refused, reads_fail):
    fields = visitor.get(refused).fields | APPLICANT
    reads_fail()
    wrong = visitor.post(refused, fields | {"document_number": "1"})
    assert wrong.one("input", name="document_number")["aria-invalid"] == "true"
    assert visitor.post(f"{refused}x", fields).status == 404


def test_the_chosen_language_goes_along(visitor):
    link = visitor.begin("/?lang=pt-BR")
    assert query_of(link) == {"lang": "pt-BR"}


@pytest.fixture
def lost(stored):
    """gu1 has the entity no more, and the details were deleted when it had it."""
    return stored(**stored_as(Stage.DETAILS) | {"details": None, "lost_entity_id": "entity-0"})


def test_details_that_gu1_lost_are_asked_for_with_a_true_word(visitor, lost):
    page = visitor.get(f"{lost}?lang=en")
    assert "We need your details once more" in page.html and "was not accepted" not in page.html
    read = visitor.get(f"{lost}?lang=en&part=document&country=AR").one("input", name="read")["value"]
    sent = visitor.post(f"{lost}?lang=en", page.fields | APPLICANT | {"read": read})
    assert (sent.status, visitor.get(lost).stage) == (303, Stage.PREPARING)


def test_partners_customer_is_told_that_the_partner_has_to_send_the_details_again(visitor, stored):
    lost = {"details": None, "lost_entity_id": "entity-0", "given_by_partner": True}
    page = visitor.get(f"{stored(**stored_as(Stage.DETAILS) | lost)}?lang=en")
    assert "We need your details once more" in page.html and "were not accepted" not in page.html
    assert not page.all("form", method="post")


@pytest.fixture
def conflicting(stored):
    """gu1 has another person's entity for the number."""
    return lambda conflict, **facts: stored(**stored_as(Stage.DETAILS) | {"entity_conflict": conflict} | facts)


def test_number_of_two_people_asks_for_the_cuil_and_takes_nothing_less(visitor, conflicting):
    path = conflicting(EntityConflict.CUIL_NEEDED)
    page = visitor.get(f"{path}?lang=en")
    assert "Two people can have the same DNI number" in page.html and "not accepted" not in page.html
    assert "The 11 digits of your CUIL" in page.html and "of your DNI, like" not in page.html
    assert "asks you to confirm" not in page.html, "that was said the first time"
    again = visitor.post(f"{path}?lang=en", page.fields | APPLICANT | {"document_number": "7.654.321"})
    assert again.status == 400 and "Enter your CUIL here, with its 11 digits." in again.html
    typed = {"document_number": "20-7654321-7", "shown_number": "20-7654321-7"}
    sent = visitor.post(f"{path}?lang=en", page.fields | APPLICANT | typed)
    assert (sent.status, visitor.get(path).stage) == (303, Stage.PREPARING)


def test_mistyped_number_may_be_corrected_where_the_cuil_was_asked_for(visitor, conflicting):
    path = conflicting(EntityConflict.CUIL_NEEDED)
    sent = visitor.post(path, visitor.get(path).fields | APPLICANT | {"document_number": "30.123.456"})
    assert (sent.status, visitor.get(path).stage) == (303, Stage.PREPARING)


def test_somebody_elses_number_can_be_corrected_and_offers_a_person(visitor, conflicting):
    path = conflicting(EntityConflict.ANOTHER_PERSON)
    page = visitor.get(f"{path}?lang=en")
    assert "do not belong together" in page.html
    assert "Talk to a person" in page.html.partition("</form>")[2], "after the form, which comes first"
    wrong = visitor.post(f"{path}?lang=en", page.fields | APPLICANT | {"document_number": "1"})
    assert wrong.status == 400 and "Talk to a person" in wrong.html
    sent = visitor.post(f"{path}?lang=en", page.fields | APPLICANT)
    assert (sent.status, visitor.get(path).stage) == (303, Stage.PREPARING)


@pytest.mark.parametrize(
    ("conflict", "words"),
    [(EntityConflict.CUIL_NEEDED, "your CUIL"), (EntityConflict.ANOTHER_PERSON, "do not belong together")],
)
def test_partners_customer_is_told_what_the_partner_has_to_correct(visitor, conflicting, conflict, words):
    page = visitor.get(f"{conflicting(conflict, given_by_partner=True)}?lang=en")
    assert words in page.html and "Talk to a person" in page.html and "were not accepted" not in page.html
    assert not page.all("form", method="post")
