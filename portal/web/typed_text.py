"""What people type and paste besides the text that they mean: spaces, dashes and marks of every kind.

The sets hold what Unicode's general categories leave out. Source: UnicodeData.txt and PropList.txt of Unicode 15.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_TYPED = 1000
"""Longer text is refused before it is read."""

LONGEST_PLAIN = 240
"""Of what is left of a text, before letters and their marks become one character: three each of the longest name."""

# Classes and not categories of single characters: these a search skips in a fraction of the time.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]+"
)
"""Format characters but the joiners, variation selectors and the combining grapheme joiner."""
_DASH = (
    r"\-\u02d7\u058a\u05be\u1400\u1806\u2010-\u2015\u2043\u2053\u207b\u208b\u2212\u2796\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d"
    r"\u301c\u3030\u30a0\ufe31\ufe32\ufe58\ufe63\uff0d\U00010d6e\U00010ead"
)
_DASHES = re.compile(f"[{_DASH}]")
_BLANK = r"\u2800\u3164\u115f\u1160\uffa0"
"""They show nothing, but are not white space for Unicode."""
_BLANKS = re.compile(f"[{_BLANK}]")
_SEPARATORS = re.compile(rf"[\s{_BLANK}{_DASH}./\u2024\uff0e\uff0f]+")
_APOSTROPHES = frozenset(
    "'`´\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\u055a\u1fbd\u1fbf\u2018\u2019\u201b\u2032\u2035\u275b\u275c\ua78b\ua78c\uff07\uff40"
)
_MIDDLE_DOTS = frozenset("·\u16eb\u2022\u2027\u2219\u22c5\u2e31\u2e33\ua78f")
_MARKS_OF_SCRIPTS = frozenset("\u05f3\u05f4\u0f0b\u1361\u30fb")
"""Hebrew geresh and gershayim, Tibetan tsheg, Ethiopic word space, Japanese middle dot."""
JOINERS = "\u200c\u200d"
_JOINERS = re.compile(f"[{JOINERS}]+")


def without_separators(typed: str) -> str:
    """NFC without white space, dashes, dots, slashes, and characters that cannot be seen."""
    return _composed(_SEPARATORS.sub("", _JOINERS.sub("", _INVISIBLE.sub("", typed))), LONGEST_PLAIN)


def with_plain_marks(typed: str) -> str:
    """NFC with single spaces and one kind of apostrophe, hyphen and middle dot; joiners stay between letters."""
    text = _composed(_DASHES.sub("-", " ".join(_BLANKS.sub(" ", _INVISIBLE.sub("", typed)).split())), LONGEST_PLAIN)
    if len(text) > LONGEST_PLAIN:
        return text  # nobody reads it
    neighbours = zip(["", *text], text, [*text[1:], ""], strict=False)
    kept = "".join(_plain_mark(*three) for three in neighbours)
    return _composed(kept, LONGEST_PLAIN)


def _composed(text: str, longest: int) -> str:
    """NFC, which takes quadratic time for marks on marks; what is longer is too long for every field."""
    return unicodedata.normalize("NFC", text) if len(text) <= longest else text


def _plain_mark(before: str, char: str, after: str) -> str:
    if char in JOINERS:
        return char if is_letter(before) and is_letter(after) else ""
    if char in _APOSTROPHES:
        return "'"
    if char in _MIDDLE_DOTS:
        return "·"
    return "\u30fb" if char == "\uff65" else char  # the narrow Japanese middle dot


def without_margins(typed: str) -> str:
    """Without the invisible characters, and without the space around it, that a copied address brings along."""
    return _JOINERS.sub("", _INVISIBLE.sub("", typed)).strip()


def is_letter(char: str) -> bool:
    """Of any script; a combining mark counts as a part of its letter."""
    return bool(char) and unicodedata.category(char)[0] in "LM"


def belongs_to_a_name(char: str) -> bool:
    return is_letter(char) or char in " '-.·" or char in _MARKS_OF_SCRIPTS or char in JOINERS


def displayable(char: str) -> str:
    """The character as a message can show it: by its number if it would not be seen."""
    is_seen = char.isprintable() and not char.isspace() and unicodedata.category(char)[0] != "M"
    return char if is_seen else f"U+{ord(char):04X}"
