"""All state of a mock, in memory, with its history."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any
from uuid import uuid4

from e2e.mock_gu1.clock import TICK, Clock, to_milliseconds
from e2e.mock_gu1.rows import CHARGED, FINAL, RUNNING, Entity, Validation
from e2e.mock_gu1.tax_ids import reduced

_FOREVER = datetime.max.replace(tzinfo=UTC)


class Duplicate(Exception):
    def __init__(self, existing: Entity) -> None:
        super().__init__(existing.id)
        self.existing = existing


class State:
    """Hold `lock` around calls that belong together. `lag` (seconds) reads an older state."""

    def __init__(self, now: Clock) -> None:
        self.lock = RLock()
        self._now = now
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self._entities: dict[str, Entity] = {}
            self._deleted: set[str] = set()
            self._by_external_id: defaultdict[str | None, list[str]] = defaultdict(list)
            self._by_tax_id: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
            self._versions: dict[str, list[Validation]] = {}
            self._of_entity: defaultdict[str, list[str]] = defaultdict(list)
            self._by_session: dict[str, str] = {}
            self._next_expiry: datetime | None = None

    def now(self) -> datetime:
        return to_milliseconds(self._now())

    def add_entity(self, *, duplicates_allowed: bool = False, per_country: bool = False, **fields: Any) -> Entity:
        """Raises `Duplicate` if the same type and taxId exist, in any country or `per_country`, unless allowed."""
        now = self.now()
        entity = Entity(id=str(uuid4()), created_at=now, updated_at=now, **fields)
        with self.lock:
            same_number = self._by_tax_id[entity.type, reduced(entity.tax_id)]
            everybody = (self._entities[entity_id] for entity_id in same_number)
            existing = [it for it in everybody if not per_country or it.country == entity.country]
            if existing and not duplicates_allowed:
                raise Duplicate(existing[0])
            same_number.append(entity.id)
            self._by_external_id[entity.external_id].append(entity.id)
            self._entities[entity.id] = entity
        return entity

    def entity(self, entity_id: str, *, lag: float = 0) -> Entity | None:
        entity = self._entities.get(entity_id)
        is_there = entity and entity_id not in self._deleted and entity.created_at <= self._as_of(lag)
        return entity if is_there else None

    def delete_entity(self, entity_id: str) -> bool:
        """False if there is none. Its validations and their webhooks stay."""
        with self.lock:
            entity = self.entity(entity_id)
            if entity is None:
                return False
            self._deleted.add(entity_id)
            self._by_external_id[entity.external_id].remove(entity_id)
            self._by_tax_id[entity.type, entity.tax_id].remove(entity_id)
        return True

    def entities(self, *, lag: float = 0, **wanted: str) -> list[Entity]:
        """Entities whose fields equal `wanted`, oldest first."""
        with self.lock:
            external_id = wanted.get("external_id")
            ids = self._by_external_id.get(external_id, []) if external_id is not None else self._entities
            everybody = [self._entities[entity_id] for entity_id in ids if entity_id not in self._deleted]
        return [
            entity
            for entity in everybody
            if entity.created_at <= self._as_of(lag) and all(getattr(entity, key) == wanted[key] for key in wanted)
        ]

    def change_entity(self, entity_id: str, **changes: Any) -> Entity:
        with self.lock:
            before = self._entities[entity_id]
            entity = replace(before, **changes, updated_at=max(self.now(), before.updated_at + TICK))
            if entity.external_id != before.external_id:
                self._by_external_id[before.external_id].remove(entity_id)
                self._by_external_id[entity.external_id].append(entity_id)
            if entity.tax_id != before.tax_id:
                self._by_tax_id[before.type, reduced(before.tax_id)].remove(entity_id)
                self._by_tax_id[entity.type, reduced(entity.tax_id)].append(entity_id)
            self._entities[entity_id] = entity
        return entity

    def with_verification(self, entity_id: str) -> Entity:
        """The entity; it is verified while one of its validations is approved."""
        with self.lock:
            entity = self._entities[entity_id]
            is_verified = any(row.status == "approved" for row in self.validations(entity_id))
            return (
                entity if is_verified is entity.is_verified else self.change_entity(entity_id, is_verified=is_verified)
            )

    def add_validation(self, **fields: Any) -> Validation:
        now = self.now()
        validation = Validation(id=str(uuid4()), created_at=now, updated_at=now, **fields)
        with self.lock:
            self._versions[validation.id] = [validation]
            self._of_entity[validation.entity_id].append(validation.id)
            if validation.session_id:
                self._by_session[validation.session_id] = validation.id
            self._next_expiry = min(validation.expires_at, self._next_expiry or validation.expires_at)
        return validation

    def validation(self, validation_id: str, *, lag: float = 0) -> Validation | None:
        with self.lock:
            return self._version(validation_id, self._as_of(lag))

    def by_session(self, session_id: str) -> Validation | None:
        return self.validation(self._by_session.get(session_id, ""))

    def validations(self, entity_id: str | None = None, *, lag: float = 0) -> list[Validation]:
        """Newest first."""
        with self.lock:
            ids = list(self._versions) if entity_id is None else self._of_entity.get(entity_id, [])
            rows = [self._version(validation_id, self._as_of(lag)) for validation_id in reversed(ids)]
        return [row for row in rows if row is not None]

    def change(self, validation: Validation, **changes: Any) -> Validation:
        """Each change gets a later `updated_at`; the first verdict charges the validation."""
        with self.lock:
            now = self.now()
            changed = replace(validation, **changes, updated_at=max(now, validation.updated_at + TICK))
            self._versions[changed.id].append(_stamped(changed, now))
            return self._versions[changed.id][-1]

    def overdue(self) -> list[Validation]:
        """Open validations whose session has expired; cheap if there are none."""
        now = self.now()
        if self._next_expiry is None or now < self._next_expiry:
            return []
        with self.lock:
            unfinished = [row for row in self.validations() if row.status in RUNNING and row.unsynced is None]
            self._next_expiry = min((row.expires_at for row in unfinished if row.expires_at > now), default=None)
        return [row for row in reversed(unfinished) if row.expires_at <= now]

    def _as_of(self, lag: float) -> datetime:
        return self._now() - timedelta(seconds=lag) if lag else _FOREVER

    def _version(self, validation_id: str, moment: datetime) -> Validation | None:
        versions = reversed(self._versions.get(validation_id, []))
        return next((version for version in versions if version.updated_at <= moment), None)


def _stamped(row: Validation, now: datetime) -> Validation:
    return replace(
        row,
        opened_at=row.opened_at or (now if row.status == "in_progress" else None),
        completed_at=row.completed_at or (now if row.status in FINAL else None),
        charged_at=row.charged_at or (now if row.status in CHARGED else None),
        cancelled_at=row.cancelled_at or (now if row.status == "cancelled" else None),
    )
