from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from portal.domain.errors import Malformed
from portal.domain.name_match import name_of
from portal.gu1 import entity_reader as entities
from tests.gu1.rows import ENTITY_ID, ID, a_person, a_status

NUMBER = "30111222"


def found(*people: Any) -> str | None:
    return entities.read_entity_with_tax_id({"entities": list(people)}, "AR", NUMBER)


@pytest.mark.parametrize("body", [{"success": True, "entity": {"id": "e1"}}, {"data": {"id": "e1"}}, {"id": "e1"}])
def test_entity_id_comes_in_three_envelopes(body: object) -> None:
    assert entities.read_entity_id(body) == "e1"


@pytest.mark.parametrize("body", [None, [], {}, {"entity": {"id": "a/b"}}, {"data": []}, {"id": None}])
def test_entity_without_id_is_malformed(body: object) -> None:
    with pytest.raises(Malformed):
        entities.read_entity_id(body)


@pytest.mark.parametrize(
    ("body", "entity_id"),
    [
        ({"id": "e1", "externalId": "ours"}, "e1"),
        ({"id": "e1"}, "e1"),
        ({"entity": {"id": "e1", "externalId": "ours"}}, "e1"),
        ({"entities": [{"id": "e0", "externalId": "theirs"}, {"id": "e1", "externalId": "ours"}]}, "e1"),
        ({"data": [{"id": "e0", "externalId": "theirs"}]}, None),
        ({"entities": []}, None),
        ({"id": "e1", "externalId": "theirs"}, None),
        ({"id": "e1", "externalId": None}, None),
    ],
)
def test_only_the_entity_with_our_external_id_is_found(body: object, entity_id: str | None) -> None:
    assert entities.read_entity_of(body, "ours") == entity_id


@pytest.mark.parametrize("body", [None, {}, {"entities": {}}, {"data": None}, {"externalId": "ours"}, "x", 7])
def test_answer_without_entities_is_not_nobody(body: object) -> None:
    with pytest.raises(Malformed):
        entities.read_entity_of(body, "ours")
    with pytest.raises(Malformed):
        entities.read_entity_with_tax_id(body, "AR", NUMBER)


def test_numeric_external_id_is_its_text() -> None:
    assert entities.read_entity_of({"id": "e1", "externalId": 77}, "77") == "e1"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"taxId": "30111222"},
        {"taxId": 30111222},
        {"type": None},
        {"type": "Person"},
        {"countryCode": None},
        {"countryCode": "ar"},
    ],
)
def test_person_with_our_number_is_found(changes: dict[str, Any]) -> None:
    assert found(a_person(**changes)) == ENTITY_ID


@pytest.mark.parametrize(
    "changes",
    [
        {"taxId": "30111223"},
        {"taxId": None},
        {"taxId": ["30111222"]},
        {"type": "company"},
        {"type": 7},
        {"countryCode": "BR"},
    ],
)
def test_anybody_else_is_not_found(changes: dict[str, Any]) -> None:
    assert found(None, "junk", a_person(**changes)) is None


def test_oldest_of_several_people_is_taken() -> None:
    days = {"undated": None, "newer": "2025-03-01T00:00:00Z", "older": "2025-01-01T00:00:00Z"}
    assert found(*[a_person(id=name, createdAt=day) for name, day in days.items()]) == "older"
    assert found(*[a_person(id=name, createdAt=None) for name in days]) == "undated"


def test_person_without_usable_id_is_malformed() -> None:
    with pytest.raises(Malformed):
        found(a_person(id="a/b"))


def test_status_of_an_entity_is_read() -> None:
    seen = entities.read_entity_status(a_status(), ENTITY_ID)
    assert (seen.is_verified, seen.needs_reverification) == (True, False)
    assert seen.validation_id == ID
    assert seen.verified_at == datetime(2025, 1, 15, 11, 0, tzinfo=UTC)
    assert seen.expires_at == datetime(2026, 1, 15, 11, 0, tzinfo=UTC)


def test_status_without_a_validation_is_read() -> None:
    body = {"entityId": ENTITY_ID, "hasKyc": False, "isVerified": False, "currentValidation": None}
    seen = entities.read_entity_status({"data": body}, ENTITY_ID)
    assert (seen.is_verified, seen.validation_id, seen.verified_at) == (False, None, None)


@pytest.mark.parametrize("word", ["true", 1, None, "yes", [True], {"value": True}])
def test_nobody_is_verified_by_anything_but_true(word: object) -> None:
    assert entities.read_entity_status(a_status(isVerified=word), ENTITY_ID).is_verified is False


@pytest.mark.parametrize(("word", "needed"), [(False, False), ("false", False), (True, True), (None, True), (0, True)])
def test_reverification_is_needed_unless_gu1_says_no(word: object, needed: bool) -> None:
    assert entities.read_entity_status(a_status(needsReverification=word), ENTITY_ID).needs_reverification is needed


@pytest.mark.parametrize("body", [None, [], {}, {"hasKyc": True}, {"data": []}, a_status(entityId="somebody-else")])
def test_status_of_nobody_or_another_is_malformed(body: object) -> None:
    with pytest.raises(Malformed):
        entities.read_entity_status(body, ENTITY_ID)


@pytest.mark.parametrize("envelope", [None, "entity", "data"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (True, "AR", name_of("Ana", "Núñez"))),
        ({"countryCode": "co", "type": "company"}, (False, "CO", name_of("Ana", "Núñez"))),
        ({"entityData": None, "name": "Rosa Paz"}, (True, "AR", name_of("Rosa Paz", None))),
        ({"entityData": {"person": {"firstName": 7}}, "name": ["Rosa"]}, (True, "AR", None)),
        ({"entityData": [], "name": "\u0418\u0432\u0430\u043d", "countryCode": None, "type": None}, (True, None, None)),
    ],
)
def test_of_an_existing_entity_only_what_is_compared_is_read(
    envelope: str | None, changes: dict[str, Any], expected: tuple[object, ...]
) -> None:
    person = {"entityData": {"person": {"firstName": "Ana", "lastName": "Núñez"}}}
    body = a_person(**person | changes)
    entity = entities.read_existing_entity({envelope: body} if envelope else body, ENTITY_ID)
    assert (entity.is_person, entity.country, entity.name) == expected
    assert not [word for word in ("ana", "rosa", "AR", "CO") if word in repr(entity)]


@pytest.mark.parametrize("body", [None, [], {}, {"id": "other"}, {"entities": [{"id": ENTITY_ID}, {"id": "other"}]}])
def test_other_entity_is_not_believed_to_be_the_one_asked_for(body: object) -> None:
    with pytest.raises(Malformed):
        entities.read_existing_entity(body, ENTITY_ID)
