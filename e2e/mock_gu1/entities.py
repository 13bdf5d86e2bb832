"""/api/entities, and the same under /entities."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from e2e.mock_gu1.errors import (
    ApiError,
    admit,
    duplicate_body,
    entity_not_found,
    invalid,
    json_body,
    unavailable,
)
from e2e.mock_gu1.mock import current_mock
from e2e.mock_gu1.scenarios import scenario_for
from e2e.mock_gu1.shapes import entity_created, entity_read
from e2e.mock_gu1.state import Duplicate, Entity, Json
from e2e.mock_gu1.tax_ids import InvalidTaxId, canonical, reduced

entities = Blueprint("entities", __name__)
entities.before_request(admit)

MOST_LISTED = 100
FILTERS = {"type": "type", "taxId": "tax_id", "externalId": "external_id", "country": "country"}


@entities.post("")
def create() -> ResponseReturnValue:
    body = json_body()
    kind, name, tax_id, country = (_required(body, key) for key in ("type", "name", "taxId", "countryCode"))
    if kind not in {"person", "company"}:
        raise invalid("type must be person or company")
    if not (len(country) == 2 and country.isalpha()):
        raise invalid("countryCode must be ISO 3166-1 alpha-2")
    external_id = str(body["externalId"]) if body.get("externalId") else None
    entity_data = _object(body, "entityData")
    person = _object(entity_data, "person")
    _meet_scenario(tax_id, external_id)
    try:
        stored_tax_id = canonical(tax_id, country=country.upper(), kind=kind)
    except InvalidTaxId as error:
        raise ApiError(400, "INVALID_TAX_ID", f"Invalid tax ID: {error}") from None
    mock = current_mock()
    try:
        entity = mock.state.add_entity(
            type=kind,
            name=name,
            tax_id=stored_tax_id,
            country=country.upper(),
            external_id=external_id,
            nationality=body.get("nationality") or person.get("nationality"),
            status=body.get("status") or "under_review",
            entity_data=entity_data,
            attributes=_object(body, "attributes"),
        )
    except Duplicate as error:
        return jsonify(duplicate_body(error.existing, mock.settings.duplicate_shape)), 409
    return jsonify(success=True, entity=entity_created(entity, mock.settings.organization_id)), 201


@entities.get("")
def find() -> ResponseReturnValue:
    wanted = {field: request.args[key] for key, field in FILTERS.items() if key in request.args}
    _meet_scenario(wanted.get("tax_id", ""), wanted.get("external_id"))
    mock = current_mock()
    found = mock.state.entities(**wanted)[:MOST_LISTED]
    return jsonify(entities=[entity_read(entity, mock.settings.organization_id) for entity in found])


@entities.get("/<entity_id>")
def read(entity_id: str) -> ResponseReturnValue:
    return _shown(current_mock().state.entity(entity_id))


@entities.get("/by-external-id/<path:external_id>")
def read_by_external_id(external_id: str) -> ResponseReturnValue:
    _meet_scenario("", external_id)
    return _shown(next(iter(current_mock().state.entities(external_id=external_id)), None))


@entities.get("/by-tax-id/<path:tax_id>")
def read_by_tax_id(tax_id: str) -> ResponseReturnValue:
    """Exact on the stored, punctuated form."""
    _meet_scenario(tax_id, None)
    return _shown(next(iter(current_mock().state.entities(tax_id=tax_id)), None))


def _shown(entity: Entity | None) -> ResponseReturnValue:
    if entity is None:
        raise entity_not_found()
    return jsonify(entity_read(entity, current_mock().settings.organization_id))


def _meet_scenario(tax_id: str, external_id: str | None) -> None:
    """Refuses what the scenario table says; a busy number makes the external id sent with it busy too."""
    state = current_mock().state
    scenario = scenario_for(tax_id)
    keys = [key for key in (reduced(tax_id), external_id) if key]
    if scenario and scenario.busy_seconds:
        state.keep_busy(keys, scenario.busy_seconds)
    if any(state.is_busy(key) for key in keys):
        raise unavailable()
    if scenario and scenario.refusal and request.method == "POST":
        raise ApiError(400, scenario.refusal, "The tax ID is not valid")


def _required(body: Json, key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"{key} is required")
    return value.strip()


def _object(body: Json, key: str) -> Json:
    value = body.get(key) or {}
    if not isinstance(value, dict):
        raise invalid(f"{key} must be an object")
    return value
