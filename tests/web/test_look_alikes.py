"""Generated: what people paste with a number or a name. What the rule admits is taken, and no digit changes."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.web.document_numbers import COUNTRIES, DocumentNumberError, normalise
from portal.web.name_and_email import plain_name
from tests.hypothesis_profiles import many
from tests.partners import partners_file
from tests.web.conftest import token_in
from tests.web.look_alikes import (
    APOSTROPHES,
    COMBINING,
    DASHES,
    DOTS,
    FOREIGN_DIGITS,
    JOINERS,
    SPACES,
    UNSEEN,
)

NUMBERS = [
    *(("AR", it) for it in ("123456", "12.345.678", "20-26756539-3", "20-7654321-7")),
    *(("BR", it) for it in ("123.456.789-09", "123456797")),
    *(("MX", it) for it in ("GODE561231GR8", "muñe561231gr8", "MUN\u0303E561231GR8", "O&OE561231GR8")),
    *(("CL", it) for it in ("12.345-5", "12.345.678-5", "44.209.845-k")),
    *(("CO", it) for it in ("123", "1.023.456.789")),
    *(("PE", it) for it in ("01234567", "001 234 567")),
    *(("UY", it) for it in ("1.234.567-2", "123.456/1")),
    *(("US", it) for it in ("ab 12/34-56", "C01X00T47")),
]
WORDS = ["Núñez", "Nu\u0301n\u0303ez", "O", "Ζωή", "Юлия", "महेश", "秀樹", "علي", "Ł", "Nguyễn", "Mª"]
DROPPED = [*SPACES, *DASHES, *UNSEEN, *JOINERS, *"./"]
BETWEEN_WORDS = [
    [(mark, plain) for mark in kind] for kind, plain in ((SPACES, " "), (DASHES, "-"), (APOSTROPHES, "'"), (DOTS, "·"))
]
ANYTHING = [*APOSTROPHES, *DOTS, *FOREIGN_DIGITS, *COMBINING, *"OoQlISZBKkXñ+_,;:*#()[]\x00"]
PLACE = st.integers(0, 1000)


often = many if many.max_examples > 500 else settings(many, max_examples=min(200, many.max_examples))
"""Ten thousand times in `make properties`, and so often that it takes a second otherwise."""


def marks(chars):
    return st.lists(st.tuples(PLACE, st.sampled_from(chars)), max_size=12)


def scattered(text, found):
    """Each mark at its place, which may be before or behind all."""
    for place, mark in found:
        at = place % (len(text) + 1)
        text = text[:at] + mark + text[at:]
    return text


def digits_in(text):
    return re.sub("[^0-9]", "", text)


def test_the_lists_are_whole():
    assert {country for country, _ in NUMBERS} == {*COUNTRIES, "US"}
    assert (len(SPACES), len(JOINERS)) == (29, 2)
    assert len(DASHES) > 25 and len(UNSEEN) > 160 and len(FOREIGN_DIGITS) > 1500
    assert set("'’‘`´ʼʹʻ′‵＇｀‛") <= set(APOSTROPHES)


@often
@given(st.sampled_from(NUMBERS), marks(DROPPED))
def test_whatever_is_around_and_between_a_number_changes_nothing(sample, found):
    country, printed = sample
    assert normalise(country, scattered(printed, found)) == normalise(country, printed)


@often
@given(st.sampled_from(NUMBERS), marks(DROPPED), st.lists(st.tuples(PLACE, st.sampled_from(ANYTHING)), min_size=1))
def test_whatever_else_is_in_a_number_is_refused_or_changes_no_digit(sample, found, others):
    country, printed = sample
    try:
        number = normalise(country, scattered(printed, [*others, *found]))
    except DocumentNumberError as refused:
        assert refused.message
        return
    assert digits_in(number) == digits_in(normalise(country, printed))


@often
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=5),
    st.lists(st.one_of(*map(st.sampled_from, BETWEEN_WORDS)), min_size=4, max_size=4),
    marks(UNSEEN),
)
def test_a_name_keeps_its_letters_and_gets_one_kind_of_each_mark(words, between, found):
    typed = expected = words[0]
    for word, (mark, plain) in zip(words[1:], between, strict=False):
        typed, expected = typed + mark + word, expected + plain + word
    assert plain_name(scattered(typed, found)) == unicodedata.normalize("NFC", expected)


HEAVY = {
    "country": "AR",
    "document_number": "\u202d\u00a020\u201426\u200b756\u2009539\u20113\ufeff\t",
    "first_name": "\ufeffMari\u0301a\u00a0José\u200b ",
    "last_name": "O\u00b4Higgins\u2010Lo\u0301pez\u2060",
}
PLAIN = ("20267565393", "María José", "O'Higgins-López")


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


def test_the_form_and_the_partner_api_keep_the_same(visitor, create, app, onboardings):
    typed = app.extensions["portal"].access_links.onboarding_id(token_in(visitor.begin(**HEAVY)))
    sent = create(applicant=HEAVY).json["id"]
    for onboarding_id in (typed, sent):
        details = onboardings.get(onboarding_id).details
        assert (details.document_number, details.first_name, details.last_name) == PLAIN
