"""Text of a partner's own that looks like an applicant's e-mail address or document number: it belongs elsewhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from portal.domain.onboarding import Details

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|%40[^\s@]+\.[^\s@]+")
# As they are printed: an Argentine DNI and CUIL, a Brazilian CPF. Digits alone may be an order's number.
_PRINTED_NUMBER = re.compile(r"(?<!\d)(?:\d{1,2}\.\d{3}\.\d{3}|\d{2}-\d{7,8}-\d|\d{3}\.\d{3}\.\d{3}-\d{2})(?!\d)")
_SHORTEST_NUMBER = 5


def looks_personal(texts: Iterable[str], details: Details | None) -> bool:
    """`details`: the applicant's, where the partner gave them itself, so that the answer tells it nothing new."""
    return any(
        _EMAIL.search(text) or _PRINTED_NUMBER.search(text) or _names(text, details)
        for text in (unicodedata.normalize("NFKC", it) for it in texts)  # digits and letters of other widths
    )


def _names(text: str, details: Details | None) -> bool:
    if details is None or len(details.document_number) < _SHORTEST_NUMBER:
        return False
    return _plain(details.document_number) in _plain(text)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()
