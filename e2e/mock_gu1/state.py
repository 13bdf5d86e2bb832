"""Everything that a mock knows, in memory. Rows are values; a change puts a new one in place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import RLock
from typing import Any
from uuid import uuid4

from e2e.mock_gu1.clock import TICK, Clock, to_milliseconds
from e2e.mock_gu1.outcomes import Outcome

Json = dict[str, Any]

FINAL = frozenset({"approved", "rejected", "expired", "abandoned", "cancelled"})
CHARGED = frozenset({"approved", "rejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    id: str
    type: str
    name: str
    tax_id: str
    country: str
    external_id: str | None
    nationality: str | None
    status: str
    entity_data: Json
    attributes: Json
    is_verified: bool = False
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    id: str
    entity_id: str
    status: str = "pending"
    session_id: str | None
    session_url: str | None
    planned: Outcome | None
    registry_asked: bool
    decision: Json | None = None
    extracted: Json | None = None
    warnings: tuple[str, ...] = ()
    is_current: bool = True
    is_charged: bool = False
    metadata: Json
    expires_at: datetime | None
    verified_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def onboarding(self) -> str | None:
        """Whose validation it is, where the portal said so."""
        portal = self.metadata.get("portal")
        return str(portal["onboarding"]) if isinstance(portal, dict) and "onboarding" in portal else None


class Duplicate(Exception):
    def __init__(self, existing: Entity) -> None:
        super().__init__(existing.id)
        self.existing = existing


class State:
    """`lock` may be held around several calls that belong together."""

    def __init__(self, now: Clock) -> None:
        self.lock = RLock()
        self._now = now
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self._entities: dict[str, Entity] = {}
            self._validations: dict[str, Validation] = {}
            self._down_until: datetime | None = None
            self._busy_until: dict[str, datetime] = {}

    def now(self) -> datetime:
        return to_milliseconds(self._now())

    def add_entity(self, **fields: Any) -> Entity:
        """Raises `Duplicate` where the same type and taxId are there already."""
        now = self.now()
        entity = Entity(id=str(uuid4()), created_at=now, updated_at=now, **fields)
        with self.lock:
            for existing in self._entities.values():
                if (existing.type, existing.tax_id) == (entity.type, entity.tax_id):
                    raise Duplicate(existing)
            self._entities[entity.id] = entity
        return entity

    def entity(self, entity_id: str) -> Entity | None:
        return self._entities.get(entity_id)

    def entities(self, **wanted: str) -> list[Entity]:
        """Those whose fields equal all of `wanted`, oldest first."""
        with self.lock:
            everybody = list(self._entities.values())
        return [entity for entity in everybody if all(getattr(entity, key) == wanted[key] for key in wanted)]

    def with_verification(self, entity_id: str) -> Entity:
        """The entity, verified as long as one of its validations is approved."""
        with self.lock:
            entity = self._entities[entity_id]
            is_verified = any(row.status == "approved" for row in self.validations(entity_id))
            if is_verified is not entity.is_verified:
                now = max(self.now(), entity.updated_at + TICK)
                entity = replace(entity, is_verified=is_verified, updated_at=now)
                self._entities[entity_id] = entity
        return entity

    def add_validation(self, **fields: Any) -> Validation:
        """The new one is current; the entity's earlier ones are no longer."""
        now = self.now()
        validation = Validation(id=str(uuid4()), created_at=now, updated_at=now, **fields)
        with self.lock:
            for earlier in self.validations(validation.entity_id):
                if earlier.is_current:
                    self.change(earlier, is_current=False)
            self._validations[validation.id] = validation
        return validation

    def validation(self, validation_id: str) -> Validation | None:
        return self._validations.get(validation_id)

    def by_session(self, session_id: str) -> Validation | None:
        return next((row for row in self.validations() if row.session_id == session_id), None)

    def validations(self, entity_id: str | None = None) -> list[Validation]:
        """Newest first."""
        with self.lock:
            everyone = reversed(list(self._validations.values()))
        return [row for row in everyone if entity_id in {None, row.entity_id}]

    def change(self, validation: Validation, **changes: Any) -> Validation:
        """Each change has a later `updated_at`; the first verdict charges the validation."""
        with self.lock:
            changed = replace(validation, **changes, updated_at=max(self.now(), validation.updated_at + TICK))
            if changed.status in CHARGED:
                changed = replace(changed, is_charged=True)
            self._validations[changed.id] = changed
        return changed

    def go_down(self, seconds: float) -> None:
        with self.lock:
            self._down_until = self._now() + timedelta(seconds=seconds)

    def is_down(self) -> bool:
        return self._down_until is not None and self._now() < self._down_until

    def keep_busy(self, keys: list[str], seconds: float) -> None:
        """From the first time on that a key is seen; later calls change nothing."""
        with self.lock:
            until = min((self._busy_until[key] for key in keys if key in self._busy_until), default=None)
            for key in keys:
                self._busy_until.setdefault(key, until or self._now() + timedelta(seconds=seconds))

    def is_busy(self, key: str) -> bool:
        return key in self._busy_until and self._now() < self._busy_until[key]

    def ledger(self) -> Json:
        rows = self.validations()
        return {
            **_tally(rows),
            "entities": {key: _tally([r for r in rows if r.entity_id == key]) for key in {r.entity_id for r in rows}},
            "onboardings": {
                key: _tally([r for r in rows if r.onboarding == key])
                for key in {r.onboarding for r in rows if r.onboarding is not None}
            },
        }


def _tally(rows: list[Validation]) -> Json:
    count = Counter[str]()
    for row in rows:
        count.update(created=1, completed=row.status in FINAL, charged=row.is_charged)
    return {key: count[key] for key in ("created", "completed", "charged")}
