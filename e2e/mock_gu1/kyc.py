"""/api/kyc: validations, and what an entity's validations add up to."""

from __future__ import annotations

import json

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from e2e.mock_gu1.errors import ApiError, admit, entity_not_found, invalid, json_body, validation_not_found
from e2e.mock_gu1.mock import current_mock
from e2e.mock_gu1.shapes import kyc_status, validation_created, validation_read
from e2e.mock_gu1.state import Entity, Json, Validation

kyc = Blueprint("kyc", __name__)
kyc.before_request(admit)

MOST_METADATA = 10 * 1024
MOST_LISTED = 100
SHORTEST_REASON = 5
TRUE = {"true", "1"}


@kyc.post("/validations")
def create() -> ResponseReturnValue:
    mock, body = current_mock(), json_body()
    if not body.get("entityId") or not body.get("integrationCode"):
        raise invalid("entityId and integrationCode are required")
    metadata = _metadata(body)
    entity = _entity(str(body["entityId"]))
    if entity.type != "person":
        raise ApiError(400, "INVALID_ENTITY_TYPE", "KYC validation is only available for person entities")
    if body["integrationCode"] != mock.settings.integration_code:
        raise ApiError(400, "KYC_NOT_CONFIGURED", "The KYC integration is not configured for this organization")
    created = mock.life.create(
        entity,
        metadata=metadata,
        registry_asked=entity.country == "AR" and _asks_registry(body),
        public_url=(mock.settings.public_url or request.host_url).rstrip("/"),
    )
    return jsonify(validation_created(created, mock.settings.organization_id)), 201


@kyc.get("/validations")
def find() -> ResponseReturnValue:
    return jsonify(validations=[_row(validation) for validation in _filtered(current_mock().state.validations())])


@kyc.get("/validations/<validation_id>")
def read(validation_id: str) -> ResponseReturnValue:
    return jsonify(_row(_validation(validation_id)))


@kyc.post("/validations/<validation_id>/sync")
def sync(validation_id: str) -> ResponseReturnValue:
    validation = _validation(validation_id)
    body = request.get_json(force=True, silent=True) or {}
    if not isinstance(body, dict) or not isinstance(body.get("force", False), bool):
        raise invalid("force must be a boolean")
    if validation.session_id is None:
        raise ApiError(400, "NO_PROVIDER_SESSION", "The validation has no provider session")
    return jsonify(_row(validation))


@kyc.delete("/validations/<validation_id>/cancel")
def cancel(validation_id: str) -> ResponseReturnValue:
    validation = _validation(validation_id)
    reason = json_body().get("reason")
    if not isinstance(reason, str) or len(reason.strip()) < SHORTEST_REASON:
        raise ApiError(400, "INVALID_REASON", f"reason needs at least {SHORTEST_REASON} characters")
    cancelled = current_mock().life.cancel(validation.id)
    if cancelled is None:
        raise ApiError(400, "INVALID_STATUS", f"A validation that is {validation.status} cannot be cancelled")
    return jsonify(_row(cancelled))


@kyc.get("/entities/<entity_id>/current")
def read_current(entity_id: str) -> ResponseReturnValue:
    rows = current_mock().state.validations(_entity(entity_id).id)
    current = next((row for row in rows if row.is_current and row.status not in {"expired", "cancelled"}), None)
    if current is None:
        raise validation_not_found()
    return jsonify(_row(current))


@kyc.get("/entities/<entity_id>/status")
def read_status(entity_id: str) -> ResponseReturnValue:
    state, entity = current_mock().state, _entity(entity_id)
    return jsonify(kyc_status(entity, state.validations(entity.id), state.now()))


@kyc.get("/entities/<entity_id>/validations")
def find_of_entity(entity_id: str) -> ResponseReturnValue:
    rows = _filtered(current_mock().state.validations(_entity(entity_id).id))
    page = max(1, request.args.get("page", 1, type=int))
    limit = min(MOST_LISTED, max(1, request.args.get("limit", MOST_LISTED, type=int)))
    shown = rows[(page - 1) * limit : page * limit]
    return jsonify(validations=[_row(row) for row in shown], total=len(rows), page=page, limit=limit)


def _row(validation: Validation) -> Json:
    return validation_read(validation, current_mock().settings.organization_id)


def _entity(entity_id: str) -> Entity:
    entity = current_mock().state.entity(entity_id)
    if entity is None:
        raise entity_not_found()
    return entity


def _validation(validation_id: str) -> Validation:
    validation = current_mock().state.validation(validation_id)
    if validation is None:
        raise validation_not_found()
    return validation


def _filtered(rows: list[Validation]) -> list[Validation]:
    status, is_current = request.args.get("status"), request.args.get("isCurrent")
    return [
        row
        for row in rows
        if (status is None or row.status == status)
        and (is_current is None or row.is_current == (is_current.lower() in TRUE))
    ]


def _metadata(body: Json) -> Json:
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict) or _size(metadata) > MOST_METADATA:
        raise invalid("metadata must be an object of at most 10 KB")
    return metadata


def _size(value: Json) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _asks_registry(body: Json) -> bool:
    """The query wins over the body."""
    asked = request.args.get("doubleCheckRenaper")
    return body.get("doubleCheckRenaper") is True if asked is None else asked.lower() in TRUE
