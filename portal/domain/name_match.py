"""Whether a typed name and the name on a document can be the same person's.

A comparison only needs to know which words are equal, so it works over keyed digests as well as over the words
themselves (`Name.under`). The rule, in this order:

1. Words are compared without accents, case, punctuation and particles ("de", "da", "del", "y", …), after spellings
   that sound alike in Spanish and Portuguese were made one ("González" and "Gonzales"). Order does not count.
2. The whole names agree if they differ only in how they are split into words ("De la Cruz" and "Delacruz").
3. One word in each name may differ by one letter that is neither its first nor its last, if it has five or more.
4. A single letter agrees with a word that begins with it, but proves nothing by itself.
5. The names agree if at least one given name and one surname agree, and the others may only be missing: of the given
   names, at most one of the two people has some that the other lacks, and the same of the surnames. "de …" after
   another surname is a husband's name and may be missing too.
6. Otherwise they differ. One exception: two given names agree, and a surname that is the first in one name and not in
   the other (after a wedding in Brazil, the husband's comes last and one of the others goes).
7. Nobody can say if a name is missing or not in Latin letters, or if only one word or only initials agree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

LONGEST = 300
"""Characters; a longer text is no name."""

_MOST_WORDS = 16
_MOST_LETTERS = 24
_LEAST_LETTERS_FOR_A_SLIP = 5

_APOSTROPHES = str.maketrans("", "", "'’‘`´ʼ′")
_UNDECOMPOSED = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th"}
)
_PARTICLES = frozenset(
    {
        *("de", "del", "da", "das", "do", "dos", "di", "du", "d", "la", "las", "los", "lo", "el", "le"),
        *("von", "van", "der", "den", "ter"),
        *("vda", "viuda", "nn", "fnu", "lnu"),
    }
)
_CONJUNCTIONS = frozenset({"e", "y", "i"})
"""Between surnames; among given names they are initials."""
_HUSBANDS = "de"
_ABBREVIATIONS = {
    "ma": "maria",
    "fco": "francisco",
    "gpe": "guadalupe",
    "hdez": "hernandez",
    "fdez": "fernandez",
    "glez": "gonzalez",
    "rguez": "rodriguez",
    "jr": "junior",
}
_SOUND_ALIKE = [
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("ph", "f"),
        ("ch", "C"),
        ("h", ""),
        ("s?c(?=[ei])", "s"),
        ("qu(?=[ei])", "c"),
        ("[qk]", "c"),
        ("z", "s"),
        ("[vw]", "b"),
        ("x|g(?=[eiy])", "j"),
        ("y", "i"),
        (r"(.)\1+", r"\1"),
    )
]

Digest = Callable[[str], str]


class NameMatch(StrEnum):
    AGREES = "agrees"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    mark: str = field(repr=False)
    """Equal for words that sound alike."""
    slips: frozenset[str] = field(repr=False)
    """Marks of the word without one of its letters. Two words that share one differ by about one letter."""
    initial: str = field(repr=False)
    is_initial: bool
    """It is a single letter."""
    is_given: bool
    is_family: bool
    """Both if the document does not say which."""
    may_be_missing: bool


@dataclass(frozen=True, slots=True)
class Name:
    words: tuple[Word, ...]
    joined: str = field(repr=False)

    def under(self, digest: Digest) -> Name:
        """The same name as keyed digests, from which nobody can tell a word without the key."""

        def hidden(word: Word) -> Word:
            return replace(
                word,
                mark=digest(f"word {word.mark}"),
                slips=frozenset(digest(f"word {it}") for it in word.slips),
                initial=digest(f"initial {word.initial}"),
            )

        return Name(tuple(map(hidden, self.words)), digest(f"joined {self.joined}"))


def name_of(first: str | None, last: str | None) -> Name | None:
    """None if nothing can be compared: no name, not in Latin letters, or far too long."""
    first_words, last_words = _words(first), _words(last)
    if first_words is None or last_words is None:
        return None
    is_split = bool(first_words and last_words)
    words = [
        *_significant(first_words, is_given=True, is_family=not is_split),
        *_significant(last_words, is_given=not is_split, is_family=True),
    ]
    if not words or len(words) > _MOST_WORDS:
        return None
    return Name(tuple(words), _sound("".join(first_words + last_words)))


def compare_names(one: Name | None, other: Name | None) -> NameMatch:
    """Both in clear, or both under the same key."""
    if one is None or other is None:
        return NameMatch.UNKNOWN
    if one.joined == other.joined or _is_one_word(one, other):
        return NameMatch.AGREES
    pairs = list(_pairs(one, other))
    proofs = [pair for pair in pairs if not any(word.is_initial for word in pair)]
    lacking = [_lacking(one, [pair[0] for pair in pairs]), _lacking(other, [pair[1] for pair in pairs])]
    if all(any(word.is_given for word in words) for words in lacking):
        return NameMatch.DIFFERS
    if all(any(word.is_family for word in words) for words in lacking):
        is_by_marriage = _agree_enough(proofs, given=2) and _has_moved(proofs, one, other)
        return NameMatch.AGREES if is_by_marriage else NameMatch.DIFFERS
    if len(proofs) < 2:
        return NameMatch.UNKNOWN
    return NameMatch.AGREES if _agree_enough(proofs, given=1) else NameMatch.DIFFERS


def _is_one_word(one: Name, other: Name) -> bool:
    """People with one name write it twice into a form that asks for two."""
    marks = {word.mark for word in (*one.words, *other.words)}
    return len(marks) == 1 and not one.words[0].is_initial


def _agree_enough(proofs: list[tuple[Word, Word]], *, given: int) -> bool:
    """True if at least so many given names and one surname agree, whichever field they stand in."""
    if len(proofs) <= given:
        return False
    return all(
        sum(word.is_given for word in words) >= given and any(word.is_family for word in words)
        for words in zip(*proofs, strict=True)
    )


def _has_moved(proofs: list[tuple[Word, Word]], one: Name, other: Name) -> bool:
    """True if a surname that agrees is the first in only one of the names."""
    return any((a is _first_surname(one)) != (b is _first_surname(other)) for a, b in proofs if a.is_family)


def _first_surname(name: Name) -> Word | None:
    return next((word for word in name.words if word.is_family), None)


def _lacking(name: Name, matched: list[Word]) -> list[Word]:
    """The words that the other name lacks, and that should be there."""
    return [word for word in name.words if not word.may_be_missing and not any(word is it for it in matched)]


def _pairs(one: Name, other: Name) -> Iterator[tuple[Word, Word]]:
    """Each word at most once: equal ones first, then initials, then one that differs by a letter."""
    left, right = list(one.words), list(other.words)
    for is_pair, most in ((_are_equal, _MOST_WORDS), (_is_initial_of, _MOST_WORDS), (_differ_by_a_letter, 1)):
        for _ in range(most):
            found = next(((a, b) for a in left for b in right if is_pair(a, b)), None)
            if found is None:
                break
            left = [word for word in left if word is not found[0]]
            right = [word for word in right if word is not found[1]]
            yield found


def _are_equal(one: Word, other: Word) -> bool:
    return one.mark == other.mark and not one.is_initial and not other.is_initial


def _is_initial_of(one: Word, other: Word) -> bool:
    return (one.is_initial or other.is_initial) and one.initial == other.initial


def _differ_by_a_letter(one: Word, other: Word) -> bool:
    return not one.slips.isdisjoint(other.slips)


def _words(text: str | None) -> list[str] | None:
    """In lower case without accents; empty if there are none, None if they cannot be compared."""
    if not text:
        return []
    if len(text) > LONGEST:
        return None
    plain = unicodedata.normalize("NFKD", text.replace(".ª", "ª").translate(_APOSTROPHES)).lower()
    plain = plain.translate(_UNDECOMPOSED)
    kept = "".join(char if char.isalnum() else " " for char in plain if not unicodedata.combining(char))
    return kept.split() if kept.isascii() else None


def _significant(words: list[str], *, is_given: bool, is_family: bool) -> list[Word]:
    """Without particles, unless there is nothing else."""
    ignored = _PARTICLES | (_CONJUNCTIONS if is_family else frozenset())
    kept = [place for place, word in enumerate(words) if word not in ignored] or list(range(len(words)))
    return [
        _word(
            _ABBREVIATIONS.get(words[place], words[place])[:_MOST_LETTERS],
            is_given=is_given,
            is_family=is_family,
            may_be_missing=is_family and place > kept[0] and words[place - 1] == _HUSBANDS,
        )
        for place in kept
    ]


def _word(plain: str, *, is_given: bool, is_family: bool, may_be_missing: bool) -> Word:
    mark = _sound(plain)
    places = range(1, len(mark) - 1) if len(mark) >= _LEAST_LETTERS_FOR_A_SLIP else ()
    return Word(
        mark=mark,
        slips=frozenset({mark, *(mark[:place] + mark[place + 1 :] for place in places)}),
        initial=plain[0],
        is_initial=len(plain) == 1,
        is_given=is_given,
        is_family=is_family,
        may_be_missing=may_be_missing,
    )


def _sound(plain: str) -> str:
    sounded = plain
    for pattern, sound in _SOUND_ALIKE:
        sounded = pattern.sub(sound, sounded)
    return sounded or plain
