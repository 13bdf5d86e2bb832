"""Collects the pages of a list of validations."""

from __future__ import annotations

from datetime import UTC, datetime

from portal.domain.validation import Observation
from portal.gu1.validation_reader import read_has_more, read_rows, read_total, read_validations

# Far below gu1's limit of 100: rows may carry every detail, and a page must fit our byte limit.
PAGE_SIZE = 25
MOST_PAGES = 20
_NO_DATE = datetime.min.replace(tzinfo=UTC)


class Pages:
    def __init__(self) -> None:
        self._seen: dict[str, Observation] = {}
        self._rows = 0
        self.unreadable = 0
        """How many rows could not be read."""
        self._is_cut = False

    @property
    def are_whole(self) -> bool:
        """True if nothing was left out that gu1 has."""
        return not self.unreadable and not self._is_cut

    def add(self, body: object) -> bool:
        """Adds a page; whether another one may follow. Raises `Malformed`."""
        before = len(self._seen) + self.unreadable
        readable = read_validations(body)
        self._seen.update({seen.gu1_id: seen for seen in readable})
        rows = len(read_rows(body))
        self._rows += rows
        self.unreadable += rows - len(readable)
        has_more = self._has_more(body) if rows else False
        # A page with nothing new means that gu1 ignores the page number; its list is whole unless it says otherwise.
        is_new = len(self._seen) + self.unreadable > before
        self._is_cut = bool(has_more) or (has_more is None and is_new)
        return self._is_cut and is_new

    def _has_more(self, body: object) -> bool | None:
        total = read_total(body)
        return read_has_more(body) if total is None else self._rows < total

    def of_entity(self, entity_id: str) -> list[Observation]:
        """Newest first; in gu1's order if it gives no dates."""
        own = [seen for seen in self._seen.values() if seen.entity_id in (None, entity_id)]
        return sorted(own, key=lambda seen: seen.created_at or _NO_DATE, reverse=True)
