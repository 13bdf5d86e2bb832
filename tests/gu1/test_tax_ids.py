from __future__ import annotations

import pytest

from portal.gu1.tax_ids import canonical


@pytest.mark.parametrize(
    ("country", "number", "kept"),
    [
        ("AR", "99990001", "99.990.001"),
        ("AR", "20301112223", "20-30111222-3"),
        ("BR", "123456789", "1.234.567-89"),
        ("BR", "1234567890", "12.345.678-90"),
        ("BR", "12345678901", "123.456.789-01"),
        ("CL", "1234567K", "1.234.567-K"),
        ("CL", "123456785", "12.345.678-5"),
    ],
)
def test_number_is_written_as_gu1_keeps_it(country: str, number: str, kept: str) -> None:
    assert canonical(country, number) == kept


@pytest.mark.parametrize(
    ("country", "number"),
    [
        ("AR", "1234567"),
        ("AR", "AB123456"),
        ("BR", "12345678"),
        ("CL", "K1234567"),
        ("MX", "ABCD800101XY1"),
        ("CO", "1234567890"),
        ("PE", "12345678"),
        ("", ""),
    ],
)
def test_number_of_unknown_form_stays_as_it_is(country: str, number: str) -> None:
    assert canonical(country, number) == number
