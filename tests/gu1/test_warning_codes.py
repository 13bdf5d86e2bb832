from __future__ import annotations

import pytest

from portal.gu1.warning_codes import risk_codes
from tests.gu1.rows import a_rejected_row, a_warning, renaper


@pytest.mark.parametrize(
    "places",
    [
        {"metadata": renaper(errorCode="A")},
        {"metadata": {"warnings": ["A"]}},
        {"warnings": ["A"]},
        {"warnings": [{"code": "A"}]},
        {"decision": {"liveness": {"warnings": [a_warning("A")]}}},
        {"decision": {"liveness_checks": [{"warnings": [a_warning("A", "warning")]}]}},
        {"decision": {"warnings": ["A"]}},
    ],
)
def test_code_is_found_in_every_place(places: dict[str, object]) -> None:
    assert risk_codes(a_rejected_row(**places)) == {"A"}


def test_notes_of_the_provider_do_not_count() -> None:
    decision = {"liveness": {"warnings": [a_warning("NOTED", "information"), a_warning("COUNTED")]}}
    row = a_rejected_row(decision=decision, warnings=["NOTED", "COUNTED", "OWN"])
    assert risk_codes(row) == {"COUNTED", "OWN"}


def test_code_noted_once_and_counted_once_counts() -> None:
    blocks = {"a": {"warnings": [a_warning("A", "information")]}, "b": {"warnings": [a_warning("A")]}}
    assert risk_codes(a_rejected_row(decision=blocks)) == {"A"}


@pytest.mark.parametrize("strange", [None, 7, "A", {}, {"risk": "A"}, [None, 7, [], {}, {"risk": 7}, ""]])
def test_strange_warnings_are_no_codes(strange: object) -> None:
    row = a_rejected_row(warnings=strange, metadata={"warnings": strange}, decision={"liveness": {"warnings": strange}})
    assert risk_codes(row) == set()
