"""Whose entity a number leads to at gu1: the same person's, or somebody else's."""

from __future__ import annotations

from dataclasses import dataclass, field

from portal.domain.comparable_numbers import is_shared
from portal.domain.name_match import Name, NameMatch, compare_names, name_of
from portal.domain.onboarding import Details, EntityConflict


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingEntity:
    """Only compared: it may be another person's, so nothing of it is stored, shown or logged.

    The names of an onboarding's own entity may be used for the next one.
    """

    is_person: bool
    country: str | None = field(repr=False)
    """ISO 3166-1 alpha-2; None if gu1 does not say."""
    name: Name | None = field(repr=False)
    number: str | None = field(default=None, repr=False)
    """Letters and digits only; None if gu1 does not show it."""
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    """Like the first name empty if gu1 does not show it."""

    def has_number(self, number: str) -> bool:
        """Zeros before it do not count: gu1 may add or drop them."""
        return self.number is not None and self.number.lstrip("0") == number.lstrip("0")


def conflict_between(details: Details, entity: ExistingEntity) -> EntityConflict | None:
    """None if the entity can be this person's; gu1 tells numbers apart, but not the people who share one."""
    is_elsewhere = entity.country is not None and entity.country != details.country
    given = name_of(details.first_name, details.last_name)
    is_same = entity.is_person and not is_elsewhere and compare_names(given, entity.name) is not NameMatch.DIFFERS
    if is_same:
        return None
    is_ambiguous = is_shared(details.country, details.document_number)
    return EntityConflict.CUIL_NEEDED if is_ambiguous else EntityConflict.ANOTHER_PERSON
