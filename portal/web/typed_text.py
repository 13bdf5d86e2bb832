"""What people type and paste besides the text that they mean: spaces, dashes and marks of every kind.

The sets hold what Unicode's general categories leave out. Source: UnicodeData.txt and PropList.txt of Unicode 15.
"""

from __future__ import annotations

import unicodedata

LONGEST_TYPED = 1000
"""Longer text is refused before it is read."""

_MORE_DASHES = frozenset("\u02d7\u2043\u2053\u207b\u208b\u2212\u2796")
_APOSTROPHES = frozenset(
    "'`´\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\u055a\u1fbd\u1fbf\u2018\u2019\u201b\u2032\u2035\ua78c\uff07\uff40"
)
_MIDDLE_DOTS = frozenset("·\u2022\u2027\u2219\u22c5")
_MARKS_OF_SCRIPTS = frozenset("\u05f3\u05f4\u0f0b\u1361\u30fb")
"""Hebrew geresh and gershayim, Tibetan tsheg, Ethiopic word space, Japanese middle dot."""
_JOINERS = frozenset("\u200c\u200d")
_BLANKS = frozenset("\u2800\u3164\u115f\u1160\uffa0")
"""They show nothing, but are not white space for Unicode."""


def without_separators(typed: str) -> str:
    """NFC without white space, dashes, dots, slashes, and characters that cannot be seen."""
    return "".join(char for char in unicodedata.normalize("NFC", typed) if not _separates(char))


def _separates(char: str) -> bool:
    return char in "./\u2024\uff0e\uff0f" or _is_space(char) or _is_dash(char) or _is_invisible(char)


def with_plain_marks(typed: str) -> str:
    """NFC with single spaces and one kind of apostrophe, hyphen and middle dot; joiners stay between letters."""
    text = unicodedata.normalize("NFC", typed)
    neighbours = zip(["", *text], text, [*text[1:], ""], strict=False)
    kept = "".join(_plain_mark(*three) for three in neighbours)
    return unicodedata.normalize("NFC", " ".join(kept.split()))


def _plain_mark(before: str, char: str, after: str) -> str:
    if char in _JOINERS:
        return char if is_letter(before) and is_letter(after) else ""
    if _is_invisible(char):
        return ""
    if _is_space(char):
        return " "
    if _is_dash(char):
        return "-"
    if char in _APOSTROPHES:
        return "'"
    return "·" if char in _MIDDLE_DOTS else char


def without_margins(typed: str) -> str:
    """Without the invisible characters, and without the space around it, that a copied address brings along."""
    return "".join(char for char in typed if not _is_invisible(char)).strip()


def is_letter(char: str) -> bool:
    """Of any script; a combining mark counts as a part of its letter."""
    return bool(char) and unicodedata.category(char)[0] in "LM"


def belongs_to_a_name(char: str) -> bool:
    return is_letter(char) or char in " '-.·" or char in _MARKS_OF_SCRIPTS or char in _JOINERS


def shown(char: str) -> str:
    """The character as a message can show it: by its number if it would not be seen."""
    is_seen = char.isprintable() and not char.isspace() and unicodedata.category(char)[0] != "M"
    return char if is_seen else f"U+{ord(char):04X}"


def _is_space(char: str) -> bool:
    return char.isspace() or char in _BLANKS


def _is_dash(char: str) -> bool:
    return unicodedata.category(char) == "Pd" or char in _MORE_DASHES


def _is_invisible(char: str) -> bool:
    """Format characters, variation selectors and the combining grapheme joiner."""
    return unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f" or char == "\u034f"
