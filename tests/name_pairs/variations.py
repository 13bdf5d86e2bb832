"""Hand-written rules of how one person's name differs between form and document, and how other people's resemble it.

Each takes a person and returns what was typed and what the document says.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.name_pairs.people import MEN, SURNAMES, WOMEN, Person, somebody

Written = tuple[str, str]
Pair = tuple[Written, Written]
Variation = Callable[[Person, Random], Pair]


def printed(written: Written) -> Written:
    """As on most cards: capital letters, no accents."""
    plain = (unicodedata.normalize("NFKD", part) for part in written)
    return tuple("".join(c for c in part if not unicodedata.combining(c)).upper() for part in plain)  # type: ignore[return-value]


def as_printed(person: Person, _random: Random) -> Pair:
    return person.written, printed(person.written)


def with_two_given(person: Person, random: Random) -> Person:
    return replace(person, given=random.choice([it for it in (WOMEN if person.is_woman else MEN) if " " in it]))


def with_two_surnames(person: Person, random: Random) -> Person:
    if len(person.surnames) == 2:
        return person
    return replace(person, surnames=(*person.surnames, random.choice(sorted(set(SURNAMES) - {*person.surnames}))))


def without_second_given(person: Person, random: Random) -> Pair:
    person = with_two_given(person, random)
    return (person.given.split()[0], person.written[1]), printed(person.written)


def by_second_given(person: Person, random: Random) -> Pair:
    person = with_two_given(person, random)
    return (person.given.split()[-1], person.written[1]), printed(person.written)


def without_second_surname(person: Person, random: Random) -> Pair:
    person = with_two_surnames(person, random)
    return (person.given, person.surnames[0]), printed(person.written)


def by_last_surname(person: Person, random: Random) -> Pair:
    """As Brazilians are called."""
    person = with_two_surnames(person, random)
    return (person.given.split()[0], person.surnames[1]), printed(person.written)


def first_given_and_surname(person: Person, random: Random) -> Pair:
    person = with_two_surnames(with_two_given(person, random), random)
    return (person.given.split()[0], person.surnames[0]), printed(person.written)


def document_has_less(person: Person, random: Random) -> Pair:
    person = with_two_surnames(with_two_given(person, random), random)
    return person.written, printed((person.given.split()[0], person.surnames[0]))


def each_has_less(person: Person, random: Random) -> Pair:
    """The form without the second surname, the document without the second given name."""
    person = with_two_surnames(with_two_given(person, random), random)
    return (person.given, person.surnames[0]), printed((person.given.split()[0], person.written[1]))


def fields_swapped(person: Person, _random: Random) -> Pair:
    return person.written[::-1], printed(person.written)


def one_line(person: Person, _random: Random) -> Pair:
    given, surnames = printed(person.written)
    return person.written, ("", f"{surnames} {given}")


def with_initial(person: Person, random: Random) -> Pair:
    person = with_two_given(person, random)
    first, *_, last = person.given.split()
    return (f"{first} {last[0]}.", person.written[1]), printed(person.written)


def only_an_initial(person: Person, _random: Random) -> Pair:
    return (f"{person.given[0]}.", person.surnames[0]), printed(person.written)


def without_particles(person: Person, random: Random) -> Pair:
    person = replace(person, surnames=(random.choice(["de la Cruz", "del Valle", "dos Santos", "de Oliveira"]), "Paz"))
    bare = person.written[1].replace("de la ", "").replace("del ", "").replace("dos ", "").replace("de ", "")
    return (person.given, bare), printed(person.written)


def joined(person: Person, random: Random) -> Pair:
    surname = random.choice(["De la Cruz", "Del Valle", "Mac Gregor", "De León", "San Martín"])
    return (person.given, surname.replace(" ", "").capitalize()), printed((person.given, surname))


def spelt_otherwise(person: Person, random: Random) -> Pair:
    typed, read = random.choice(
        [
            ("Gonzales", "GONZALEZ"),
            ("Velasques", "VELAZQUEZ"),
            ("Sousa", "SOUZA"),
            ("Mexía", "MEJIA"),
            ("Baez", "VAEZ"),
        ]
    )
    return (person.given, typed), printed((person.given, read))


def abbreviated(person: Person, random: Random) -> Pair:
    short, full = random.choice([("Ma. Guadalupe", "MARIA GUADALUPE"), ("Fco. Javier", "FRANCISCO JAVIER")])
    return (short, person.written[1]), printed((full, person.written[1]))


def one_letter_wrong(person: Person, random: Random) -> Pair:
    given, surnames = printed(person.written)
    place = random.randrange(1, len(surnames) - 1)
    return person.written, (given, surnames[:place] + random.choice("AEIOUNRLTS") + surnames[place + 1 :])


def one_letter_missing(person: Person, random: Random) -> Pair:
    given, surnames = person.written
    place = random.randrange(1, len(given) - 1)
    return (given[:place] + given[place + 1 :], surnames), printed(person.written)


def with_husbands_name(person: Person, random: Random) -> Pair:
    person = with_two_surnames(replace(person, given=random.choice(WOMEN), is_woman=True), random)
    return (person.given, f"{person.surnames[0]} de {random.choice(SURNAMES[:10])}"), printed(person.written)


def document_has_husbands_name(person: Person, random: Random) -> Pair:
    typed, document = with_husbands_name(person, random)
    return document, printed(typed)


def surname_added_at_marriage(person: Person, random: Random) -> Pair:
    """In Brazil: one of the two goes, and the husband's comes last."""
    person = with_two_surnames(replace(person, given=random.choice(WOMEN), is_woman=True), random)
    husbands = random.choice(sorted(set(SURNAMES) - {*person.surnames}))
    return person.written, printed((person.given, f"{person.surnames[1]} {husbands}"))


def other_surname_after_marriage(person: Person, random: Random) -> Pair:
    return person.written, printed((person.given, random.choice(sorted(set(SURNAMES) - {*person.surnames}))))


def nickname(person: Person, random: Random) -> Pair:
    short, full = random.choice([("Pepe", "José"), ("Nacho", "Ignacio"), ("Lucho", "Luis"), ("Beto", "Alberto")])
    return (short, person.written[1]), printed((full, person.written[1]))


SAME: dict[Variation, int] = {
    as_printed: 70,
    without_second_given: 28,
    without_second_surname: 28,
    first_given_and_surname: 14,
    by_last_surname: 12,
    document_has_less: 10,
    one_line: 12,
    fields_swapped: 8,
    with_initial: 8,
    without_particles: 8,
    spelt_otherwise: 8,
    one_letter_wrong: 8,
    one_letter_missing: 6,
    with_husbands_name: 5,
    document_has_husbands_name: 4,
    surname_added_at_marriage: 4,
    by_second_given: 4,
    joined: 3,
    abbreviated: 3,
    each_has_less: 2,
    only_an_initial: 2,
    other_surname_after_marriage: 2,
    nickname: 1,
}


def stranger(person: Person, random: Random) -> Pair:
    return person.written, printed(somebody(random).written)


def stranger_of_same_given_name(person: Person, random: Random) -> Pair:
    surnames = random.sample(sorted(set(SURNAMES) - {*person.surnames}), k=2)
    return person.written, printed((person.given, " ".join(surnames)))


def stranger_of_same_surname(person: Person, random: Random) -> Pair:
    other = somebody(random)
    return person.written, printed((other.given, person.surnames[0]))


def sibling(person: Person, random: Random) -> Pair:
    given = random.choice(sorted({*WOMEN, *MEN} - {person.given}))
    return person.written, printed((given, person.written[1]))


def sibling_of_similar_name(person: Person, random: Random) -> Pair:
    pairs = [("Fernando", "Fernanda"), ("Mario", "María"), ("Daniel", "Daniela"), ("Juan Pablo", "Juan Carlos")]
    one, other = random.choice(pairs)
    return (one, person.written[1]), printed((other, person.written[1]))


def parent(person: Person, random: Random) -> Pair:
    """Of the same name, except for the mother's surname."""
    person = with_two_surnames(person, random)
    mothers = random.choice(sorted(set(SURNAMES) - {*person.surnames}))
    return person.written, printed((person.given, f"{person.surnames[0]} {mothers}"))


def cousin(person: Person, random: Random) -> Pair:
    """Of the same first name and one of the surnames."""
    person = with_two_surnames(person, random)
    mothers = random.choice(sorted(set(SURNAMES) - {*person.surnames}))
    return person.written, printed((person.given.split()[0], f"{mothers} {person.surnames[0]}"))


def spouse(person: Person, random: Random) -> Pair:
    typed, _ = with_husbands_name(person, random)
    husbands = typed[1].rpartition(" de ")[2]
    return typed, printed((random.choice(MEN), f"{husbands} {random.choice(SURNAMES)}"))


def namesake_with_more_names(person: Person, random: Random) -> Pair:
    """Another person, whose document has all that was typed and more."""
    person = replace(person, given=person.given.split()[0], surnames=person.surnames[:1])
    more = random.choice(sorted(set(SURNAMES) - {*person.surnames}))
    return person.written, printed((person.given, f"{person.surnames[0]} {more}"))


OTHER: dict[Variation, int] = {
    stranger: 110,
    stranger_of_same_given_name: 30,
    stranger_of_same_surname: 30,
    sibling: 30,
    sibling_of_similar_name: 12,
    parent: 12,
    cousin: 12,
    spouse: 10,
    namesake_with_more_names: 4,
}
