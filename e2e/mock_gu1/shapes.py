"""gu1's JSON in the current API variant."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from e2e.mock_gu1.api_variants import ApiVariant, CurrentVariant
from e2e.mock_gu1.clock import iso, iso_or_none
from e2e.mock_gu1.generations import decision_in, dressed, warning_object
from e2e.mock_gu1.rows import Entity, Json, Validation

PROVIDER = "kyc_provider"
VERIFIED_FOR = timedelta(days=365)
ABBREVIATED = ("id", "status", "isCurrent", "createdAt", "verifiedAt")


class Shapes:
    """Turns rows into JSON; every body passes `dressed` once, at the end."""

    def __init__(self, organization_id: str, variants: CurrentVariant) -> None:
        self._organization_id = organization_id
        self._variants = variants

    @property
    def _variant(self) -> ApiVariant:
        return self._variants.now

    def dressed(self, body: Any) -> Any:
        return dressed(body, self._variant)

    def entity_created(self, entity: Entity) -> Json:
        return _enveloped(self._entity(entity), self._variant.entity_envelope, success=True)

    def entity_shown(self, entity: Entity) -> Json:
        return _enveloped(self.entity(entity), self._variant.entity_read_envelope)

    def entities(self, entities: list[Entity]) -> Any:
        rows = [self.entity(entity) for entity in entities]
        return rows if self._variant.entities_list == "bare" else {self._variant.entities_list: rows}

    def entity(self, entity: Entity) -> Json:
        return self._entity(entity) | {
            "nationality": entity.nationality,
            "riskFactors": [],
            "kycVerified": entity.is_verified,
            "kycProvider": PROVIDER if entity.is_verified else None,
            "kycData": None,
            "currentEvaluation": None,
            "deletedAt": None,
        }

    def validation_created(self, row: Validation) -> Json:
        """Unlike a read it calls the session `sessionId` and leaves `expiresAt` out."""
        return {
            "id": row.id,
            "entityId": row.entity_id,
            "organizationId": self._organization_id,
            **self._session(row, "sessionId"),
            "status": row.status,
            "provider": PROVIDER,
            **self._link(row),
            "isCurrent": True,
            **({"expiresAt": self._expiry(row)} if self._variant.expires_at == "everywhere" else {}),
            **self._metadata(row),
            "createdAt": iso(row.created_at),
            "updatedAt": iso(row.updated_at),
        }

    def validation(self, row: Validation) -> Json:
        return {
            "id": row.id,
            "entityId": row.entity_id,
            "organizationId": self._organization_id,
            **self._session(row, "validationSessionId"),
            "status": row.status,
            "provider": PROVIDER,
            **self._link(row),
            "decision": decision_in(self._variant, row),
            "documentsVerified": [],
            "biometricResult": None,
            "riskAssessment": None,
            "verifiedFields": [],
            "extractedData": row.extracted,
            "warnings": self._warnings(row, "top"),
            "isCurrent": row.is_current,
            **({} if self._variant.expires_at == "missing" else {"expiresAt": self._expiry(row)}),
            "verifiedAt": iso_or_none(row.verified_at),
            **self._metadata(row),
            "createdAt": iso(row.created_at),
            "updatedAt": iso(row.updated_at),
        }

    def listed(self, rows: list[Validation]) -> list[Json]:
        full = [self.validation(row) for row in rows]
        if self._variant.list_rows == "full":
            return full
        return [{key: row[key] for key in ABBREVIATED if row[key] is not None} for row in full]

    def kyc_status(self, entity: Entity, rows: list[Validation], now: datetime) -> Json:
        """`rows` newest first."""
        current = next((row for row in rows if row.is_current), None)
        verified_at = next((row.verified_at for row in rows if row.verified_at), None)
        ends_at = verified_at + VERIFIED_FOR if verified_at else None
        return {
            "entityId": entity.id,
            "hasKyc": bool(rows),
            "isVerified": verified_at is not None,
            "currentValidation": current
            and {"id": current.id, "status": current.status, "verifiedAt": iso_or_none(current.verified_at)},
            "lastVerifiedAt": iso_or_none(verified_at),
            **({"expiresAt": iso_or_none(ends_at)} if self._variant.status_expires_at == "given" else {}),
            "needsReverification": ends_at is not None and ends_at <= now,
        }

    def error(self, code: str, message: str, details: Json | None = None, *, shape: str | None = None) -> Json:
        more = {"details": details} if details else {}
        if (shape or self._variant.error_shape) == "nested":
            return {"error": {"code": code, "message": message, **more}}
        return {"error": code, "message": message, **more}

    def duplicate(self, existing: Entity) -> Json:
        message, details = "An entity with this tax ID already exists", _duplicate_details(existing)
        shape = self._variant.duplicate_shape
        if shape == "without_id":
            return self.error("DUPLICATE_TAX_ID", message)
        return self.error("DUPLICATE_TAX_ID", message, details, shape=shape)

    def _entity(self, entity: Entity) -> Json:
        return {
            "id": entity.id,
            "externalId": entity.external_id,
            "organizationId": self._organization_id,
            "type": entity.type,
            "name": entity.name,
            "taxId": entity.tax_id,
            "countryCode": entity.country,
            "riskScore": 0,
            "status": entity.status,
            "entityData": entity.entity_data,
            "attributes": entity.attributes,
            "createdAt": iso(entity.created_at),
            "updatedAt": iso(entity.updated_at),
        }

    def _session(self, row: Validation, documented: str) -> Json:
        key = self._variant.session_key
        keys = {"by_call": (documented,), "both": ("sessionId", "validationSessionId")}.get(key, (key,))
        return dict.fromkeys(keys, row.session_id)

    def _link(self, row: Validation) -> Json:
        if row.session_url is not None or self._variant.automatic_session == "null":
            return {"providerSessionUrl": row.session_url}
        if self._variant.automatic_session == "missing":
            return {}
        return {"providerSessionUrl": "https://verify.example.com/sandbox"}

    def _expiry(self, row: Validation) -> str | None:
        return None if row.session_id is None or self._variant.expires_at == "null" else iso(row.expires_at)

    def _metadata(self, row: Validation) -> Json:
        """Without the echo the key is missing, unless gu1 adds its own metadata."""
        asked = row.registry_asked or row.registry is not None
        codes = self._warnings(row, "metadata")
        metadata = {
            **(row.metadata if self._variant.metadata_echo == "yes" else {}),
            **({"doubleChecks": {"renaper": True}} if asked else {}),
            **({"responseDoubleChecks": {"renaper": row.registry}} if row.registry else {}),
            **({"warnings": codes} if codes else {}),
        }
        return {"metadata": metadata} if metadata or self._variant.metadata_echo == "yes" else {}

    def _warnings(self, row: Validation, place: str) -> list[Any]:
        wanted = self._variant.warnings_place
        if row.outcome is None or row.code is None:
            return []
        if wanted == "documented":
            wanted = "metadata" if row.outcome.is_from_registry else "top"
        if wanted != place:
            return []
        return [row.code if self._variant.warnings_form == "strings" else warning_object(row.code)]


def _enveloped(entity: Json, key: str, **more: Any) -> Json:
    return entity if key == "bare" else {**more, key: entity}


def _duplicate_details(existing: Entity) -> Json:
    return {
        "existingEntityId": existing.id,
        "existingEntityName": existing.name,
        "existingEntityType": existing.type,
    }
