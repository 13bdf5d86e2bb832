"""Finds a customer's entity at gu1, also after another one took its place.

gu1 keeps the external id of the entity that was given up, so a search by it finds the old one. Only the customer's
earlier onboardings tell which one followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from portal.domain.onboarding import Onboarding
from portal.services.entity_history import EntityHistory, UsedEntity
from portal.services.gu1_port import Gu1

_EARLIER = 50
"""The newest of a customer's onboardings with an entity that are looked through."""


class CustomerEntities:
    def __init__(self, store: EntityHistory, gu1: Gu1) -> None:
        self._store = store
        self._gu1 = gu1

    async def find(self, onboarding: Onboarding) -> str | None:
        """The id of the entity; None if there is none that can be used. Raises `Gu1Error`."""
        found = await self._gu1.find_entity(onboarding.gu1_external_id)
        if onboarding.partner is None or onboarding.external_id is None or onboarding.has_new_external_id:
            return found
        used = await asyncio.to_thread(
            self._store.used_entities, onboarding.partner, onboarding.external_id, limit=_EARLIER
        )
        return _current(found, [it for it in used if it.onboarding_id != onboarding.id])


def _current(found: str | None, earlier: Sequence[UsedEntity]) -> str | None:
    """The newest that nobody gave up. `earlier`: the newest first."""
    lost = {it.lost_entity_id for it in earlier}
    candidates = (*(it.entity_id for it in earlier), found)
    return next((it for it in candidates if it and it not in lost), None)
