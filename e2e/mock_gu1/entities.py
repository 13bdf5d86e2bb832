"""/api/entities, and the same under /entities."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from e2e.mock_gu1.errors import ApiError, admit, entity_not_found, invalid, json_body, reason_in, unavailable
from e2e.mock_gu1.mock import answer, current_mock, lag
from e2e.mock_gu1.rows import Entity, Json
from e2e.mock_gu1.scenarios import scenario_for
from e2e.mock_gu1.state import Duplicate
from e2e.mock_gu1.tax_ids import InvalidTaxId, canonical, reduced

entities = Blueprint("entities", __name__)

MOST_LISTED = 100
FILTERS = {"type": "type", "taxId": "tax_id", "externalId": "external_id", "country": "country"}
STATUSES = frozenset({"pending", "under_review", "active", "suspended", "blocked", "rejected"})
NEED_A_REASON = frozenset({"suspended", "blocked", "rejected"})


@entities.before_request
def be_at_this_path() -> None:
    here = "api" if request.path.startswith("/api/") else "root"
    if current_mock().variant.entities_path not in {"both", here}:
        raise ApiError(404, "NOT_FOUND", "There is nothing at this address")
    admit()


@entities.post("")
def create() -> ResponseReturnValue:
    body = json_body()
    mock = current_mock()
    try:
        entity = _added(body, country=_required(body, "countryCode"), name=_required(body, "name"))
    except Duplicate as error:
        return answer(mock.shapes.duplicate(error.existing)), 409
    return answer(mock.shapes.entity_created(entity)), int(mock.variant.entity_status)


@entities.post("/automatic")
def create_automatic() -> ResponseReturnValue:
    """From the number alone; the name is invented instead of enriched."""
    body = json_body()
    tax_id = _required(body, "taxId")
    if reduced(tax_id) != tax_id.upper():
        raise ApiError(400, "INVALID_TAX_ID", "taxId must hold nothing but the identifier")
    mock = current_mock()
    try:
        entity = _added(body, country=_required(body, "country"), name=f"Holder of {tax_id}")
    except Duplicate as error:
        return answer(mock.shapes.duplicate(error.existing)), 409
    return answer({"success": True, "data": mock.shapes.entity(entity), "rulesResult": None}), 201


@entities.post("/change-external-id")
def change_external_id() -> ResponseReturnValue:
    body = json_body()
    reason_in(body)
    mock, entity = current_mock(), _known(_required(body, "entityId"))
    external_id = _required(body, "newExternalId" if "newExternalId" in body else "externalId")
    if any(other.id != entity.id for other in mock.state.entities(external_id=external_id)):
        raise ApiError(409, "DUPLICATE_EXTERNAL_ID", "Another entity has this external ID")
    changed = mock.state.change_entity(entity.id, external_id=external_id)
    return answer({"success": True, "entity": mock.shapes.entity(changed)})


@entities.get("")
def find() -> ResponseReturnValue:
    wanted = {field: request.args[key] for key, field in FILTERS.items() if key in request.args}
    _meet_scenario(wanted.get("tax_id", ""), wanted.get("external_id"))
    mock = current_mock()
    return answer(mock.shapes.entities(mock.state.entities(lag=lag(), **wanted)[:MOST_LISTED]))


@entities.get("/<entity_id>")
def read(entity_id: str) -> ResponseReturnValue:
    return _shown(current_mock().state.entity(entity_id, lag=lag()))


@entities.get("/by-external-id/<path:external_id>")
def read_by_external_id(external_id: str) -> ResponseReturnValue:
    _meet_scenario("", external_id)
    return _shown(next(iter(current_mock().state.entities(lag=lag(), external_id=external_id)), None))


@entities.get("/by-tax-id/<path:tax_id>")
def read_by_tax_id(tax_id: str) -> ResponseReturnValue:
    """Matches the stored, punctuated form exactly."""
    _meet_scenario(tax_id, None)
    return _shown(next(iter(current_mock().state.entities(lag=lag(), tax_id=tax_id)), None))


@entities.patch("/<entity_id>")
def update(entity_id: str) -> ResponseReturnValue:
    """Merges `entityData` and `attributes` key by key; replaces other known fields, the taxId as the variant says."""
    mock, body, before = current_mock(), json_body(), _known(entity_id)
    if "externalId" in body and body["externalId"] != before.external_id:
        raise invalid("externalId is changed by POST /entities/change-external-id")
    status = body.get("status", before.status)
    if status != before.status and status not in STATUSES:
        raise invalid(f"status is one of {', '.join(sorted(STATUSES))}")
    if status != before.status and status in NEED_A_REASON:
        reason_in(body)
    try:
        tax_id = _changed_tax_id(body, before)
    except Duplicate as error:
        return answer(mock.shapes.duplicate(error.existing)), 409
    changed = mock.state.change_entity(
        entity_id,
        status=status,
        tax_id=tax_id,
        name=_required(body, "name") if "name" in body else before.name,
        nationality=body.get("nationality", before.nationality),
        entity_data=_merged(before.entity_data, _object(body, "entityData")),
        attributes=_merged(before.attributes, _object(body, "attributes")),
    )
    show = mock.shapes.entity
    return answer({"entity": show(changed), "evaluation": None, "previousEntity": show(before)})


def _added(body: Json, *, country: str, name: str) -> Entity:
    kind, tax_id = _required(body, "type"), _required(body, "taxId")
    if kind not in {"person", "company"}:
        raise invalid("type must be person or company")
    if not (len(country) == 2 and country.isalpha()):
        raise invalid("countryCode must be ISO 3166-1 alpha-2")
    external_id = str(body["externalId"]) if body.get("externalId") else None
    entity_data = _object(body, "entityData")
    attributes = _object(body, "attributes")
    _meet_scenario(tax_id, external_id)
    mock = current_mock()
    return mock.state.add_entity(
        duplicates_allowed=mock.variant.duplicates == "allow",
        per_country=mock.variant.duplicate_scope == "country",
        type=kind,
        name=name,
        tax_id=_stored(tax_id, country.upper(), kind),
        country=country.upper(),
        external_id=external_id,
        nationality=body.get("nationality") or _object(entity_data, "person").get("nationality"),
        status=body.get("status") or "under_review",
        entity_data=entity_data,
        attributes=attributes,
    )


def _changed_tax_id(body: Json, before: Entity) -> str:
    """Raises `Duplicate` if another entity has it."""
    mock = current_mock()
    wanted = _stored(_required(body, "taxId"), before.country, before.type) if "taxId" in body else before.tax_id
    if wanted == before.tax_id or mock.variant.number_change == "ignored":
        return before.tax_id
    if mock.variant.number_change == "refused":
        raise invalid("taxId cannot be changed")
    existing = mock.state.entities(type=before.type, tax_id=wanted)
    if mock.variant.duplicate_scope == "country":
        existing = [entity for entity in existing if entity.country == before.country]
    if existing and mock.variant.duplicates != "allow":
        raise Duplicate(existing[0])
    return wanted


def _stored(tax_id: str, country: str, kind: str) -> str:
    try:
        return canonical(tax_id, country=country, kind=kind, seven_digits=current_mock().variant.seven_digit_dni)
    except InvalidTaxId as error:
        raise ApiError(400, "INVALID_TAX_ID", f"Invalid tax ID: {error}") from None


def _known(entity_id: str) -> Entity:
    entity = current_mock().state.entity(entity_id)
    if entity is None:
        raise entity_not_found()
    return entity


def _shown(entity: Entity | None) -> ResponseReturnValue:
    if entity is None:
        raise entity_not_found()
    return answer(current_mock().shapes.entity_shown(entity))


def _meet_scenario(tax_id: str, external_id: str | None) -> None:
    """Refuses as the scenario table says; a busy number also makes its external id busy."""
    availability = current_mock().availability
    scenario = scenario_for(tax_id)
    keys = [key for key in (reduced(tax_id), external_id) if key]
    if scenario and scenario.busy_seconds:
        availability.keep_busy(keys, scenario.busy_seconds)
    if any(availability.is_busy(key) for key in keys):
        raise unavailable()
    if scenario and scenario.refusal and request.method == "POST":
        raise ApiError(400, scenario.refusal, "The tax ID is not valid")


def _merged(before: Json, news: Json) -> Json:
    """Null deletes a key; objects are merged recursively."""
    merged = dict(before)
    for key, value in news.items():
        inner = merged.get(key)
        merged[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


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
