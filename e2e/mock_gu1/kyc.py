"""/api/kyc: creates and reads validations, and an entity's KYC status."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from e2e.mock_gu1.errors import ApiError, admit, entity_not_found, invalid, json_body, validation_not_found
from e2e.mock_gu1.media import media
from e2e.mock_gu1.mock import answer, current_mock, lag
from e2e.mock_gu1.rows import Entity, Json, Validation

kyc = Blueprint("kyc", __name__)
kyc.before_request(admit)

MOST_METADATA = 10 * 1024
MOST_LISTED = 100
STALE = timedelta(hours=3.5)
TRUE = {"true", "1"}
NEWEST_KEYS = frozenset({"entityId", "integrationCode", "doubleCheckRenaper", "omitWarnings"})


@kyc.post("/validations")
def create() -> ResponseReturnValue:
    mock, body = current_mock(), json_body()
    if not body.get("entityId") or not body.get("integrationCode"):
        raise invalid("entityId and integrationCode are required")
    metadata, omitted = _metadata(body), _omitted(body)
    entity = _entity(str(body["entityId"]))
    _refuse_what_cannot_be(body, entity)
    created = mock.lifecycle.create(
        entity,
        metadata=metadata,
        registry_asked=_asks_registry(body, entity),
        omitted=omitted,
        public_url=(mock.settings.public_url or request.host_url).rstrip("/"),
    )
    return answer(mock.shapes.validation_created(created)), 201


@kyc.get("/validations")
def find() -> ResponseReturnValue:
    """All validations of the organization; paged only on request."""
    mock = current_mock()
    rows = _filtered(mock.state.validations(lag=lag()))
    if "page" in request.args or "limit" in request.args:
        rows, _, _ = _page(rows)
    return answer({"validations": mock.shapes.listed(rows)})


@kyc.get("/validations/<validation_id>")
def read(validation_id: str) -> ResponseReturnValue:
    return _shown(_validation(validation_id))


@kyc.get("/validations/<validation_id>/media")
def read_media(validation_id: str) -> ResponseReturnValue:
    row = _validation(validation_id)
    found = media(row.decision, request.args.get("key", ""))
    if found is None:
        raise ApiError(400, "INVALID_MEDIA_KEY", "key must be a storage key of this validation")
    return Response(found.content, mimetype=found.mimetype)


@kyc.get("/stats")
def read_stats() -> ResponseReturnValue:
    """An invented shape; gu1's is not documented."""
    count = Counter(row.status for row in current_mock().state.validations())
    return answer({"total": count.total(), "byStatus": dict(count)})


@kyc.get("/entities/<entity_id>/current")
def read_current(entity_id: str) -> ResponseReturnValue:
    rows = current_mock().state.validations(_entity(entity_id).id, lag=lag())
    current = next((row for row in rows if row.is_current and row.status not in {"expired", "cancelled"}), None)
    if current is None:
        raise validation_not_found()
    return _shown(current)


@kyc.get("/entities/<entity_id>/status")
def read_status(entity_id: str) -> ResponseReturnValue:
    mock, entity = current_mock(), _entity(entity_id)
    rows = mock.state.validations(entity.id, lag=lag())
    return answer(mock.shapes.kyc_status(entity, rows, mock.state.now()))


@kyc.get("/entities/<entity_id>/validations")
def find_of_entity(entity_id: str) -> ResponseReturnValue:
    mock = current_mock()
    rows = _filtered(mock.state.validations(_entity(entity_id).id, lag=lag()))
    shown, page, limit = _page(rows)
    return answer({"validations": mock.shapes.listed(shown), "total": len(rows), "page": page, "limit": limit})


def _refuse_what_cannot_be(body: Json, entity: Entity) -> None:
    mock = current_mock()
    if entity.type != "person":
        raise ApiError(400, "INVALID_ENTITY_TYPE", "KYC validation is only available for person entities")
    if mock.variant.integration == "missing" or body["integrationCode"] != mock.settings.integration_code:
        raise ApiError(400, "KYC_NOT_CONFIGURED", "The KYC integration is not configured for this organization")
    unknown = set(body) - NEWEST_KEYS
    if mock.variant.create_keys == "newest" and unknown:
        raise invalid(f"Unrecognized keys: {', '.join(sorted(unknown))}")
    if mock.variant.credit != "available":
        status = int(mock.variant.credit.removeprefix("exhausted_"))
        raise ApiError(status, "INSUFFICIENT_CREDITS", "The organization has no credit left")
    if mock.variant.renaper_credentials == "refuse" and _wants_registry(body, entity):
        raise ApiError(400, "RENAPER_NOT_CONFIGURED", "The RENAPER credentials are missing")


def _shown(row: Validation) -> ResponseReturnValue:
    """Syncs with the provider first if nothing has changed for hours."""
    mock = current_mock()
    syncs = mock.variant.read_syncs == "after_hours"
    if syncs and not lag() and mock.state.now() - row.updated_at > STALE:
        row = mock.lifecycle.sync(row.id) or row
    return answer(mock.shapes.validation(row))


def _entity(entity_id: str) -> Entity:
    entity = current_mock().state.entity(entity_id)
    if entity is None:
        raise entity_not_found()
    return entity


def _validation(validation_id: str) -> Validation:
    row = current_mock().state.validation(validation_id, lag=lag())
    if row is None:
        raise validation_not_found()
    return row


def _page(rows: list[Validation]) -> tuple[list[Validation], int, int]:
    page = max(1, request.args.get("page", 1, type=int))
    limit = min(MOST_LISTED, max(1, request.args.get("limit", MOST_LISTED, type=int)))
    return rows[(page - 1) * limit : page * limit], page, limit


def _filtered(rows: list[Validation]) -> list[Validation]:
    status, is_current, entity_id = (request.args.get(key) for key in ("status", "isCurrent", "entityId"))
    return [
        row
        for row in rows
        if (status is None or row.status == status)
        and (is_current is None or row.is_current == (is_current.lower() in TRUE))
        and entity_id in {None, row.entity_id}
    ]


def _metadata(body: Json) -> Json:
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict) or len(json.dumps(metadata, ensure_ascii=False).encode()) > MOST_METADATA:
        raise invalid("metadata must be an object of at most 10 KB")
    return metadata


def _omitted(body: Json) -> tuple[str, ...]:
    codes = body.get("omitWarnings") or []
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise invalid("omitWarnings must be an array of strings")
    return tuple(codes)


def _wants_registry(body: Json, entity: Entity) -> bool:
    """The query overrides the body."""
    asked = request.args.get("doubleCheckRenaper")
    wants = body.get("doubleCheckRenaper") is True if asked is None else asked.lower() in TRUE
    return wants and entity.country == "AR"


def _asks_registry(body: Json, entity: Entity) -> bool:
    return _wants_registry(body, entity) and current_mock().variant.renaper_credentials == "present"
