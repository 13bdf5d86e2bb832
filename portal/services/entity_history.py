"""Which entities at gu1 a customer's onboardings used."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class UsedEntity(NamedTuple):
    onboarding_id: str
    entity_id: str | None
    lost_entity_id: str | None
    """The one that was given up before."""


class EntityHistory(Protocol):
    def used_entities(self, partner: str, external_id: str, *, limit: int) -> list[UsedEntity]:
        """By this customer's onboardings whatever their purpose, the newest first, without erased ones.

        Those that used none are left out: however many they are, they hide no entity.
        Reads nothing else of them, so that one that cannot be read back does not matter.
        """
