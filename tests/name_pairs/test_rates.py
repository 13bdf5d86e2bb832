"""The rule's error rates, as docs/architecture.md states them."""

from pathlib import Path

import pytest

from portal.domain.name_match import NameMatch
from tests.name_pairs.measure import outcomes, pairs, total
from tests.name_pairs.variations import OTHER, SAME

ARCHITECTURE = Path(__file__).parents[2] / "docs/architecture.md"


def test_there_are_five_hundred_pairs_the_same_each_time():
    assert len(pairs(SAME)) == len(pairs(OTHER)) == 250
    assert pairs(SAME) == pairs(SAME)


@pytest.mark.parametrize(
    ("variations", "expected"),
    [
        (SAME, {NameMatch.AGREES: 237, NameMatch.DIFFERS: 11, NameMatch.UNKNOWN: 2}),
        (OTHER, {NameMatch.AGREES: 6, NameMatch.DIFFERS: 244, NameMatch.UNKNOWN: 0}),
    ],
)
def test_rates_are_as_stated(variations, expected):
    counted = outcomes(variations)
    assert {match: total(counted, match) for match in NameMatch} == expected


def test_documentation_states_them():
    same, other = outcomes(SAME), outcomes(OTHER)
    text = ARCHITECTURE.read_text(encoding="utf-8")
    assert f"{total(same, NameMatch.DIFFERS)} of 250 pairs of the same person" in text
    assert f"{total(other, NameMatch.AGREES)} of 250 pairs of different people" in text
