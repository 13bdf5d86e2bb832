import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.comparable_numbers import comparable


@pytest.mark.parametrize(
    ("country", "typed", "verified"),
    [
        ("AR", "20-26756539-3", "26.756.539"),
        ("AR", "20056789018", "5678901"),
        ("AR", "05678901", "5678901"),
        ("CO", "0012345678", "12345678"),
        ("PE", "01234567", "01234567-4"),
        ("pe", "12345678", "123456789"),
        ("PE", "00123456", "00123456-7"),
        ("PE", "001234567", "001 234 567"),
    ],
)
def test_same_number_written_differently_compares_equal(country, typed, verified):
    assert comparable(country, typed) == comparable(country, verified) is not None


@pytest.mark.parametrize(("country", "number"), [("AR", "12345678"), ("CO", "123456785"), ("PE", "12345678")])
def test_other_number_compares_unequal(country, number):
    assert comparable(country, number) != comparable(country, "12345679")


def test_last_digit_of_a_peruvian_carne_counts():
    assert comparable("PE", "001234567") != comparable("PE", "001234568")


def test_cuil_is_reduced_to_its_dni():
    assert comparable("AR", "20267565393") == "26756539"


@pytest.mark.parametrize("country", ["BR", "CL", "MX", "US", "UY", "other", ""])
def test_tax_number_is_never_compared(country):
    assert comparable(country, "12345678909") is None


@pytest.mark.parametrize("number", ["", "000", "-.-", "١٢٣", "\x00"])
def test_nothing_left_is_not_compared(number):
    assert comparable("AR", number) is None


@settings(max_examples=200)
@given(country=st.sampled_from(["AR", "CL", "CO", "PE", "ıR"]), number=st.text())
def test_comparing_never_raises_and_is_idempotent_but_for_cuils(country, number):
    form = comparable(country, number)
    assert form is None or len(form) == 11 or comparable(country, form) == form
