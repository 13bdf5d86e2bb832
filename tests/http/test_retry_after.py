from __future__ import annotations

import pytest

from portal.http.retry_after import read_retry_after
from tests.factories import NOW


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("86400", 3600),
        ("9" * 5000, 3600),
        ("Mon, 02 Mar 2026 12:01:00 GMT", 60),
        ("Tue, 03 Mar 2026 12:00:00 -0000", 3600),
        ("Mon, 02 Mar 2026 11:59:00 GMT", None),
        ("-5", None),
        ("1e9", None),
        ("NaN", None),
        ("٣٠", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_no_longer_than_allowed(header: str | None, seconds: float | None) -> None:
    assert read_retry_after(header, NOW, most=3600.0) == seconds
