import unicodedata

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from portal.web.name_and_email import NameOrEmailError, plain_email, plain_name
from tests.hypothesis_profiles import many

APOSTROPHES = list("'’‘`´ʼʻ′＇\ua78b\ua78c\u275b")


@pytest.fixture(scope="module", autouse=True)
def english():
    app = Flask("texts")
    Babel(app)
    with app.app_context():
        yield


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        *((f"O{mark}Higgins", "O'Higgins") for mark in APOSTROPHES),
        ("Marcel·lí", "Marcel·lí"),
        *((f"Marcel{mark}lí", "Marcel·lí") for mark in "•\u2e31\u2e33\ua78f"),
        ("García–López", "García-López"),
        ("García\u00a0López", "García López"),
        ("\ufeffAna\u202e María\t\r\n", "Ana María"),
        ("Nu\u0301n\u0303ez", "Núñez"),
        ("e\u200b\u0301", "é"),
        ("J. R.", "J. R."),
        ("نیک\u200cنام", "نیک\u200cنام"),
        ("क्\u200dष", "क्\u200dष"),
        ("Ana\u200d", "Ana"),
        ("ג׳ורג׳", "ג׳ורג׳"),
        ("בן־דוד", "בן-דוד"),
        *((f"ジョン{mark}スミス", "ジョン・スミス") for mark in "・\uff65"),
        ("བསྟན་འཛིན", "བསྟན་འཛིན"),
        ("Mª José", "Mª José"),
    ],
)
def test_marks_that_look_alike_become_one(typed, name):
    assert plain_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "sign"), [("R2D2", "2"), ("Ana\x00", "U+0000"), ("<b>", "<"), ("Ana 😀", "😀"), ("Ana, hija", ",")]
)
def test_a_refused_sign_is_shown(typed, sign):
    with pytest.raises(NameOrEmailError) as refused:
        plain_name(typed)
    assert f"“{sign}”" in str(refused.value.message)


@pytest.mark.parametrize("typed", ["", "-'.", "\u200b\u00a0", "\u0301"[1:]])
def test_a_name_has_letters(typed):
    with pytest.raises(NameOrEmailError):
        plain_name(typed)


def test_length_counts_without_what_is_dropped():
    assert plain_name("A" * 80 + " " * 900) == "A" * 80
    for typed in ("A" * 81, "A" + " " * 1000):
        with pytest.raises(NameOrEmailError) as refused:
            plain_name(typed)
        assert str(refused.value.message) == "Use at most 80 characters."


@pytest.mark.asvs("1.3.3", "2.2.1")
@many
@given(st.text())
def test_any_text_is_a_name_or_refused(typed):
    try:
        name = plain_name(typed)
    except NameOrEmailError:
        return
    assert plain_name(name) == name == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("typed", [" ana@example.com ", "\ufeffana@example.com\u200b\n", "ana@exam\u00adple.com"])
def test_an_address_may_bring_margins_along(typed):
    assert plain_email(typed) == "ana@example.com"
