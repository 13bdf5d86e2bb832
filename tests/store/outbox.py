"""Events in a database, put there as the portal does it: with a change of their onboarding."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from portal.domain.onboarding import Onboarding
from portal.services.notification import UPDATED, Notice
from portal.store.encryption import ColumnCipher
from portal.store.locked_onboarding import Consequences
from portal.store.repository import Repository
from tests.factories import NOW, an_onboarding


def notifying_store(engine, on_change=lambda: None) -> Repository:
    """A store in which every change is news."""
    return Repository(
        engine,
        ColumnCipher(["a secret for tests"]),
        Consequences(notify_of=_as_message, on_notification=on_change),
    )


def _as_message(_before: Onboarding, after: Onboarding) -> list[Notice]:
    return [Notice(UPDATED, after.updated_at, json.dumps({"id": after.id, "status": str(after.status)}))]


def add_events(repository: Repository, partner: str = "shop", times: int = 1, at: datetime = NOW) -> Onboarding:
    """A new onboarding of which its partner is to be told so many times."""
    added = repository.add(an_onboarding(partner=partner, external_id="customer-7", due_at=None))
    return notify_again(repository, added.id, times, at)


def notify_again(repository: Repository, onboarding_id: str, times: int = 1, at: datetime = NOW) -> Onboarding:
    for _ in range(times):
        with repository.locked(onboarding_id) as row:
            row.save(replace(row.onboarding, updated_at=at))
    return repository.get(onboarding_id)
