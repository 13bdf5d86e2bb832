"""Finds a customer's entity at gu1, also after another one took its place.

gu1 keeps the external id of the entity that was given up, so a search by it finds the old one. Only the customer's
earlier onboardings tell which one followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from portal.domain.onboarding import Onboarding
from portal.services.ports import Gu1, Store

_EARLIER = 50
"""The newest of a customer's onboardings that are looked through."""


class CustomerEntities:
    def __init__(self, store: Store, gu1: Gu1) -> None:
        self._store = store
        self._gu1 = gu1

    async def find(self, onboarding: Onboarding) -> str | None:
        """The id of the entity; None if there is none that can be used. Raises `Gu1Error`."""
        found = await self._gu1.find_entity(onboarding.gu1_external_id)
        if onboarding.partner is None or onboarding.external_id is None or onboarding.has_new_external_id:
            return found
        earlier = await asyncio.to_thread(
            self._store.list_of_partner,
            onboarding.partner,
            external_id=onboarding.external_id,
            purpose=None,  # one entity, whatever for
            created_after=None,
            after=None,
            limit=_EARLIER,
        )
        return _current(found, (it for it in earlier if it.id != onboarding.id))


def _current(found: str | None, earlier: Iterable[Onboarding]) -> str | None:
    """`earlier`: the newest first."""
    gave_up = [it for it in earlier if it.lost_entity_id]
    if found is None:  # an entity that was given up may be deleted, or have never had this customer's external id
        return next((it.entity_id for it in gave_up), None)
    following: dict[str | None, str | None] = {}
    for onboarding in gave_up:
        following.setdefault(onboarding.lost_entity_id, onboarding.entity_id)
    while found in following:
        found = following.pop(found)
    return found
