"""What gu1 keeps of a person, as far as a correction of the number needs it. Never stored here."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRecord:
    number: str | None = field(repr=False)
    """Letters and digits only; None if gu1 does not show it."""
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    """Both empty if gu1 does not show them."""

    def has_number(self, number: str) -> bool:
        """Zeros before it do not count: gu1 may add or drop them."""
        return self.number is not None and self.number.lstrip("0") == number.lstrip("0")
