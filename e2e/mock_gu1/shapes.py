"""The JSON of the newest generation of gu1's pages."""

from __future__ import annotations

from datetime import datetime, timedelta

from e2e.mock_gu1.clock import iso, iso_or_none
from e2e.mock_gu1.state import Entity, Json, Validation

PROVIDER = "kyc_provider"
VERIFIED_FOR = timedelta(days=365)


def entity_created(entity: Entity, organization_id: str) -> Json:
    return {
        "id": entity.id,
        "externalId": entity.external_id,
        "organizationId": organization_id,
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


def entity_read(entity: Entity, organization_id: str) -> Json:
    return entity_created(entity, organization_id) | {
        "nationality": entity.nationality,
        "riskFactors": [],
        "kycVerified": entity.is_verified,
        "kycProvider": PROVIDER if entity.is_verified else None,
        "kycData": None,
        "currentEvaluation": None,
        "deletedAt": None,
    }


def validation_created(validation: Validation, organization_id: str) -> Json:
    """Calls the session `sessionId` and leaves `expiresAt` out, other than every read does."""
    return {
        "id": validation.id,
        "entityId": validation.entity_id,
        "organizationId": organization_id,
        "sessionId": validation.session_id,
        "status": validation.status,
        "provider": PROVIDER,
        "providerSessionUrl": validation.session_url,
        "isCurrent": validation.is_current,
        "metadata": validation.metadata,
        "createdAt": iso(validation.created_at),
        "updatedAt": iso(validation.updated_at),
    }


def validation_read(validation: Validation, organization_id: str) -> Json:
    return {
        "id": validation.id,
        "entityId": validation.entity_id,
        "organizationId": organization_id,
        "validationSessionId": validation.session_id,
        "status": validation.status,
        "provider": PROVIDER,
        "providerSessionUrl": validation.session_url,
        "decision": validation.decision,
        "documentsVerified": [],
        "biometricResult": None,
        "riskAssessment": None,
        "verifiedFields": [],
        "extractedData": validation.extracted,
        "warnings": list(validation.warnings),
        "isCurrent": validation.is_current,
        "expiresAt": iso_or_none(validation.expires_at),
        "verifiedAt": iso_or_none(validation.verified_at),
        "metadata": validation.metadata,
        "createdAt": iso(validation.created_at),
        "updatedAt": iso(validation.updated_at),
    }


def kyc_status(entity: Entity, validations: list[Validation], now: datetime) -> Json:
    """`validations` newest first."""
    current = next((row for row in validations if row.is_current), None)
    verified_at = next((row.verified_at for row in validations if row.verified_at), None)
    ends_at = verified_at + VERIFIED_FOR if verified_at else None
    return {
        "entityId": entity.id,
        "hasKyc": bool(validations),
        "isVerified": verified_at is not None,
        "currentValidation": current
        and {"id": current.id, "status": current.status, "verifiedAt": iso_or_none(current.verified_at)},
        "lastVerifiedAt": iso_or_none(verified_at),
        "expiresAt": iso_or_none(ends_at),
        "needsReverification": ends_at is not None and ends_at < now,
    }
