"""The reference that people read out: short, and never somebody else's if a letter was misheard."""

import secrets
from itertools import combinations

import pytest

from portal.domain.reference import ALPHABET, looks_like_reference, read_reference, reference_of

SOME = [reference_of(f"onboarding-{number}") for number in range(50)]


def test_it_has_two_groups_of_crockfords_alphabet_and_is_the_same_each_time():
    for reference in SOME:
        first, second = reference.split("-")
        assert len(first) == len(second) == 4 and set(first + second) <= set(ALPHABET)
    assert reference_of("onboarding-7") == SOME[7]
    assert len(set(SOME)) == len(SOME)


@pytest.mark.parametrize("reference", SOME)
def test_it_is_read_however_it_was_written_down(reference):
    sloppy = reference.replace("1", "l").replace("0", "o").lower()
    for typed in (reference, reference.lower(), reference.replace("-", ""), reference.replace("-", " "), sloppy):
        assert read_reference(typed) == reference


@pytest.mark.parametrize("reference", SOME)
def test_one_misheard_character_finds_nobody(reference):
    characters = reference.replace("-", "")
    for place, was in enumerate(characters):
        for heard in set(ALPHABET) - {was}:
            typed = characters[:place] + heard + characters[place + 1 :]
            assert looks_like_reference(typed) and read_reference(typed) is None


@pytest.mark.parametrize("reference", SOME)
def test_two_characters_that_changed_places_find_nobody(reference):
    characters = reference.replace("-", "")
    for one, other in combinations(range(8), 2):
        typed = list(characters)
        typed[one], typed[other] = typed[other], typed[one]
        assert typed == list(characters) or read_reference("".join(typed)) is None


@pytest.mark.parametrize(
    "typed", ["", "K7QM", "K7QM-4T2", "K7QM-4T2XX", "U7QM-4T2X", "ß7QM-4T2X", "customer-7", "🦆" * 8]
)
def test_what_is_no_reference_is_not_read(typed):
    assert not looks_like_reference(typed) and read_reference(typed) is None


def test_references_of_random_ids_hardly_ever_meet():
    assert len({reference_of(secrets.token_urlsafe(16)) for _ in range(20_000)}) >= 19_998
