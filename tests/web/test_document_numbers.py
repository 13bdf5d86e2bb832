import re

import pytest
from flask import Flask
from flask_babel import Babel, force_locale
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.locales import Locale
from portal.translations.update import HERE
from portal.web.document_numbers import (
    COMPANY_CUIT,
    COMPANY_RFC,
    COUNTRIES,
    DIGITS_AND_K,
    DIGITS_ONLY,
    EMPTY,
    LETTERS_AND_DIGITS,
    NUMERO_DE_TRAMITE,
    RFC_PARTS,
    WRONG_DIGIT,
    DocumentNumberError,
    is_sandbox,
    normalise,
    rule_for,
)
from portal.web.typed_text import LONGEST_TYPED
from tests.web.look_alikes import DASHES, JOINERS, SPACES, UNSEEN

SEPARATORS = [*SPACES, *DASHES, *UNSEEN, *JOINERS, *"./"]
NEARLY_A_NUMBER = st.text(st.sampled_from("0123456789Kk9999 .-/ABXñ٣\x00"), max_size=24)


@pytest.fixture
def english():
    app = Flask("texts")
    Babel(app)
    with app.app_context():
        yield


@pytest.fixture
def every_language():
    app = Flask("texts")
    Babel(app, default_translation_directories=str(HERE))
    with app.test_request_context():
        yield force_locale


def message_for(country, typed):
    with pytest.raises(DocumentNumberError) as refused:
        normalise(country, typed)
    return refused.value.message


@pytest.mark.parametrize(
    ("country", "typed", "number"),
    [
        ("AR", "12.345.678", "12345678"),
        ("AR", "1234567", "1234567"),
        ("AR", "20-26756539-3", "20267565393"),
        ("AR", "25-12345678-8", "25123456788"),
        ("AR", "20-07654321-7", "20076543217"),
        ("AR", "20-7654321-7", "20076543217"),
        ("BR", "123.456.789-09", "12345678909"),
        ("BR", "123456797", "00123456797"),
        ("BR", "1234567890", "01234567890"),
        ("AR", "123.456", "123456"),
        ("MX", "gode 561231-gr8", "GODE561231GR8"),
        ("MX", "MUÑE561231GR8", "MUÑE561231GR8"),
        ("MX", "mun\u0303e561231gr8", "MUÑE561231GR8"),
        ("MX", "O&OE561231GR8", "O&OE561231GR8"),
        ("CL", "12.345.678-5", "123456785"),
        ("CL", "44.209.845-k", "44209845K"),
        ("CL", "12.345-5", "123455"),
        ("CO", "123", "123"),
        ("CO", "1.023.456.789", "1023456789"),
        ("PE", "01234567", "01234567"),
        ("PE", "001 234 567", "001234567"),
        ("UY", "1.234.567-2", "12345672"),
        ("UY", "123.456/1", "1234561"),
        ("US", "ab 12/34-56", "AB123456"),
        ("ar", " 12345678 ", "12345678"),
    ],
)
def test_number_is_reduced_to_letters_and_digits(country, typed, number):
    assert normalise(country, typed) == number


@pytest.mark.parametrize(
    ("country", "typed", "message"),
    [
        ("AR", "20267565392", WRONG_DIGIT),
        ("AR", "20-7654321-8", WRONG_DIGIT),
        ("AR", "00000000", WRONG_DIGIT),
        ("AR", "99123456788", WRONG_DIGIT),
        ("AR", "30123456781", COMPANY_CUIT),
        ("AR", "00123456789", NUMERO_DE_TRAMITE),
        ("BR", "12345678900", WRONG_DIGIT),
        ("BR", "11111111111", WRONG_DIGIT),
        ("BR", "000000000", WRONG_DIGIT),
        ("MX", "MAB9307148T4", COMPANY_RFC),
        ("MX", "GODE561331GR8", RFC_PARTS),
        ("MX", "1234567890123", RFC_PARTS),
        ("CL", "12.345.678-6", WRONG_DIGIT),
        ("CO", "000000", WRONG_DIGIT),
        ("UY", "1.234.567-3", WRONG_DIGIT),
    ],
)
def test_refusal_names_what_is_wrong(country, typed, message):
    assert message_for(country, typed) is message


@pytest.mark.parametrize(
    ("country", "typed", "text"),
    [
        ("AR", "12345", "This number is too short. A DNI has 6 to 8 digits, a CUIL has 11."),
        ("AR", "123456789", "This number has too many or too few digits. A DNI has 6 to 8 digits, a CUIL has 11."),
        ("BR", "12345678", "This number is too short. A CPF has 11 digits."),
        ("MX", "GODE561231HDFRRL09", "This number is too long. The RFC of a person has 13 letters and digits."),
        ("CL", "12345", "This number is too short. A RUT has 5 to 8 digits, then one more digit or a K."),
        ("CO", "12345678901", "This number is too long. A cédula has 3 to 10 digits."),
        (
            "PE",
            "1234567",
            "This number is too short. A DNI has 8 digits, a carné de extranjería has 9 that begin with 00.",
        ),
        ("US", "AB1", "This number is too short. It should have 4 to 20 letters or digits."),
    ],
)
def test_wrong_length_says_which_is_right(english, country, typed, text):
    assert str(message_for(country, typed)) == text


def test_check_digit_of_a_peruvian_dni_makes_no_carne_of_it(english):
    assert "Leave out the digit after the dash" in str(message_for("PE", "12345678-9"))


@pytest.mark.parametrize("typed", ["", "   ", "-./"])
def test_nothing_typed_is_its_own_message(typed):
    assert message_for("AR", typed) is EMPTY


@pytest.mark.parametrize(
    ("country", "typed", "sign", "rule"),
    [
        ("AR", "1234567８", "８", DIGITS_ONLY),
        ("AR", "١٢٣٤٥٦٧٨", "١", DIGITS_ONLY),
        ("AR", "1234567\x00", "U+0000", DIGITS_ONLY),
        ("AR", "+12345678", "+", DIGITS_ONLY),
        ("PE", "1234567A", "A", DIGITS_ONLY),
        ("CL", "1234K678-5", "K", DIGITS_AND_K),
        ("US", "AB_1234", "_", LETTERS_AND_DIGITS),
        ("US", "ıJKL123", "ı", LETTERS_AND_DIGITS),
        ("US", "straße1", "ß", LETTERS_AND_DIGITS),
        ("US", "ＡＢ１２３４", "Ａ", LETTERS_AND_DIGITS),
        ("US", "AB\u0301 123", "U+0301", LETTERS_AND_DIGITS),
    ],
)
def test_a_refused_sign_is_shown(english, country, typed, sign, rule):
    assert str(message_for(country, typed)) == f"“{sign}” does not belong in this number. {rule}"


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("typed", ["12345678", "20267565393", "12345678909", "123456785", "12345672"])
def test_separators_of_any_kind_at_any_place_change_nothing(country, typed):
    """What is around and between the digits is dropped, and the digits stay."""
    try:
        number = normalise(country, typed)
    except DocumentNumberError:
        return
    for separator in SEPARATORS:
        for place in range(len(typed) + 1):
            assert normalise(country, typed[:place] + separator + typed[place:]) == number, (separator, place)


def test_overlong_input_is_refused_before_it_is_read(english):
    assert "too long" in str(message_for("AR", "12345678" + " " * LONGEST_TYPED))


def test_a_paste_with_much_space_is_judged_as_a_whole():
    assert normalise("CO", " " * 500 + "1.023.456.789" + "\n" * 200) == "1023456789"


@pytest.mark.parametrize(
    ("country", "number"), [("AR", "20999900013"), ("BR", "99990001234"), ("CL", "999900010"), ("UY", "99990001")]
)
def test_sandbox_number_needs_no_check_digit(country, number):
    assert is_sandbox(country, number)
    assert normalise(country, number) == number


@pytest.mark.parametrize(("country", "number"), [("AR", "20267565393"), ("BR", "12345678909"), ("CL", "123456785")])
def test_ordinary_number_is_no_sandbox_number(country, number):
    assert not is_sandbox(country, number)


def test_sandbox_number_must_still_be_a_persons():
    assert message_for("AR", "30999900010") is COMPANY_CUIT


@pytest.mark.parametrize("country", [*COUNTRIES, "US"])
def test_rule_tells_the_form_what_it_needs(english, country):
    rule = rule_for(country)
    assert rule.country == (country if country in COUNTRIES else "other")
    assert all(str(text) for text in (rule.label, rule.hint, rule.expected))


OTHER_NUMBERS = {"MX": {18}}
"""Of a CURP, which the hint says it is not."""
COUNT = re.compile(r"(?<![\w.-])\d{1,2}(?![\w-]|\.\d)")
"""Not a part of an example, like 12.345.678."""


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("country", [*COUNTRIES, "US"])
def test_hint_and_refusal_say_the_same_of_how_long_a_number_is(every_language, country, locale):
    rule = rule_for(country)
    with every_language(locale.catalogue):
        of_hint, of_refusal = ({int(count) for count in COUNT.findall(str(it))} for it in (rule.hint, rule.expected))
    assert of_refusal, "a refusal says how long it should be"
    assert of_hint - OTHER_NUMBERS.get(country, set()) in (set(), of_refusal)


def test_argentine_texts_name_the_lengths_that_are_taken(english):
    rule = rule_for("AR")
    ends = {min(rule.lengths), max(it for it in rule.lengths if it < 11), max(rule.lengths)}
    assert {int(count) for count in COUNT.findall(str(rule.hint))} == ends


def test_countries_come_in_the_order_of_the_form():
    assert COUNTRIES == ("AR", "BR", "MX", "CL", "CO", "PE", "UY")


def test_error_does_not_repeat_what_was_typed():
    with pytest.raises(DocumentNumberError) as refused:
        normalise("AR", "20267565392")
    assert "2026756" not in f"{refused.value!r} {refused.value}"


@settings(max_examples=200)
@given(country=st.sampled_from([*COUNTRIES, "US", "", "ß"]), typed=st.text() | NEARLY_A_NUMBER)
def test_any_text_is_a_plain_number_or_refused(country, typed):
    try:
        number = normalise(country, typed)
    except DocumentNumberError:
        return
    assert set(number) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZÑ&") and len(number) <= 20
    assert normalise(country, number) == number
