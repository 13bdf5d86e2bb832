"""The 500 pairs, and what the rule says of them."""

from __future__ import annotations

from collections import Counter
from random import Random

from portal.domain.name_match import NameMatch, compare_names, name_of
from tests.name_pairs.people import somebody
from tests.name_pairs.variations import OTHER, SAME, Variation

SEED = 13


def pairs(variations: dict[Variation, int]) -> list[tuple[str, tuple[str, str], tuple[str, str]]]:
    """The variation's name, what was typed, and what the document says."""
    random = Random(SEED)
    return [
        (variation.__name__, *variation(somebody(random), random))
        for variation, times in variations.items()
        for _ in range(times)
    ]


def outcomes(variations: dict[Variation, int]) -> Counter[tuple[str, NameMatch]]:
    """By variation."""
    return Counter((name, compare_names(name_of(*one), name_of(*other))) for name, one, other in pairs(variations))


def total(counted: Counter[tuple[str, NameMatch]], match: NameMatch) -> int:
    return sum(number for (_, found), number in counted.items() if found is match)


def table() -> str:
    lines = []
    for title, variations in (("the same person", SAME), ("another person", OTHER)):
        counted = outcomes(variations)
        totals = ", ".join(f"{total(counted, match)} {match}" for match in NameMatch)
        lines.append(f"{sum(variations.values())} pairs of {title}: {totals}")
        for variation in variations:
            found = (f"{counted[variation.__name__, match]:>5} {match}" for match in NameMatch)
            lines.append(f"  {variation.__name__.replace('_', ' '):<30}{''.join(found)}")
    return "\n".join(lines)
