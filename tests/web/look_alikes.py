"""Unicode's spaces, dashes, apostrophes and format characters, by Unicode's own properties and names."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from itertools import chain

_SINGLE = re.compile(
    r"APOSTROPHE$|SINGLE (HIGH-REVERSED-9 )?QUOTATION MARK$|PRIME$|(GRAVE|ACUTE) ACCENT$"
    r"|^MODIFIER LETTER (TURNED|REVERSED) COMMA$"
)
_NO_APOSTROPHE = re.compile(r"DOUBLE|TRIPLE|QUADRUPLE|ANGLE|COMBINING|ORNAMENT|TONE|ARMENIAN|LOW |^LATIN|MIDDLE")

_OF: defaultdict[str, list[str]] = defaultdict(list)
for _char in map(chr, chain(range(0x20000), range(0xE0000, 0xE1000))):  # the others are ideographs or private
    _OF[unicodedata.category(_char)].append(_char)

JOINERS = ["\u200c", "\u200d"]
SPACES = [*_OF["Zs"], *_OF["Zl"], *_OF["Zp"], *"\t\n\v\f\r\x1c\x1d\x1e\x1f\x85"]
DASHES = [*_OF["Pd"], "\u2212"]
UNSEEN = [char for char in _OF["Cf"] if char not in JOINERS]
APOSTROPHES = [
    char
    for kind in ("Po", "Pi", "Pf", "Sk", "Lm")
    for char in _OF[kind]
    if _SINGLE.search(name := unicodedata.name(char, "")) and not _NO_APOSTROPHE.search(name)
]
DOTS = list("·•‧∙⋅")
FOREIGN_DIGITS = [char for char in (*_OF["Nd"], *_OF["No"], *_OF["Nl"]) if not char.isascii()]
COMBINING = _OF["Mn"]
