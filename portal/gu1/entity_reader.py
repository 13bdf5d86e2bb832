"""Tolerant readers of gu1's responses about entities. All raise `Malformed`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from portal.domain.entity_status import EntityStatus
from portal.domain.errors import Malformed
from portal.domain.existing_entity import ExistingEntity
from portal.domain.name_match import name_of
from portal.gu1.parsing import flag, identifier, letters_and_digits, mapping, moment, text

_NO_DATE = datetime.max.replace(tzinfo=UTC)


def read_entity_id(body: object) -> str:
    answer = mapping(body)
    for entity in (answer.get("entity"), answer.get("data"), answer):
        if entity_id := identifier(mapping(entity).get("id")):
            return entity_id
    raise Malformed("an entity without a usable id")


def read_entity_of(body: object, external_id: str) -> str | None:
    """The id of the entity with our `external_id`, from one entity or a list; the oldest if there are several.

    None if there is none, or if gu1 ignored the filter and returned somebody else.
    """
    return _oldest(entity for entity in _entities(body) if _is_ours(entity, external_id))


def read_entity_with_tax_id(body: object, country: str, number: str) -> str | None:
    """The id of the person with this `number`, which is letters and digits only."""
    return _oldest(entity for entity in _entities(body) if _is_person(entity, country, number))


def read_existing_entity(body: object, entity_id: str) -> ExistingEntity:
    entities = _entities(body)
    entity = entities[0] if len(entities) == 1 else {}
    if identifier(entity.get("id")) != entity_id:
        raise Malformed("an entity without an id, or another entity")
    person = mapping(mapping(entity.get("entityData")).get("person"))
    country = text(entity.get("countryCode"))
    first_name, last_name = text(person.get("firstName")), text(person.get("lastName"))
    return ExistingEntity(
        is_person=_is_a_person(entity),
        country=country.upper() if country else None,
        number=letters_and_digits(entity.get("taxId")),
        first_name=first_name or "",
        last_name=last_name or "",
        name=name_of(first_name, last_name) or name_of(text(entity.get("name")), None),
    )


def read_entity_status(body: object, entity_id: str) -> EntityStatus:
    answer = mapping(body)
    row = answer if "isVerified" in answer else mapping(answer.get("data"))
    if "isVerified" not in row or identifier(row.get("entityId", entity_id)) != entity_id:
        raise Malformed("a status without an entity, or of another entity")
    current = mapping(row.get("currentValidation"))
    return EntityStatus(
        is_verified=row["isVerified"] is True,
        needs_reverification=flag(row.get("needsReverification")) is not False,
        asks_reverification=flag(row.get("needsReverification")) is True,
        validation_id=identifier(current.get("id")),
        verified_at=moment(row.get("lastVerifiedAt")) or moment(current.get("verifiedAt")),
        expires_at=moment(row.get("expiresAt")),
    )


def _entities(body: object) -> list[dict[str, object]]:
    answer = mapping(body)
    for entities in (body, answer.get("entities"), answer.get("data")):
        if isinstance(entities, list):
            return [mapping(entity) for entity in entities]
    entity = mapping(answer.get("entity")) or mapping(answer.get("data")) or answer
    if "id" not in entity:
        raise Malformed("neither an entity nor a list of entities")
    return [entity]


def _oldest(entities: Iterable[dict[str, object]]) -> str | None:
    """The first if gu1 gives no dates."""
    oldest = min(entities, key=lambda entity: moment(entity.get("createdAt")) or _NO_DATE, default=None)
    return None if oldest is None else read_entity_id(oldest)


def _is_ours(entity: dict[str, object], external_id: str) -> bool:
    stated = entity.get("externalId", external_id)
    return external_id in (stated, identifier(stated))


def _is_person(entity: dict[str, object], country: str, number: str) -> bool:
    stated = text(entity.get("countryCode"))
    return (
        _is_a_person(entity)
        and (stated is None or stated.upper() == country)
        and letters_and_digits(entity.get("taxId")) == number
    )


def _is_a_person(entity: dict[str, object]) -> bool:
    """True also if gu1 does not say."""
    kind = entity.get("type")
    return kind is None or (text(kind) or "").lower() == "person"
