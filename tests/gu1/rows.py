"""Bodies as gu1 gives them, changed by keyword."""

from __future__ import annotations

from typing import Any

ID = "550e8400-e29b-41d4-a716-446655440000"
ENTITY_ID = "123e4567-e89b-12d3-a456-426614174000"


def a_row(**changes: Any) -> dict[str, Any]:
    """A validation that has just been made."""
    return {
        "id": ID,
        "entityId": ENTITY_ID,
        "organizationId": "org_abc123",
        "validationSessionId": "session_xyz789",
        "status": "pending",
        "provider": "kyc_provider",
        "providerSessionUrl": "https://verify.example.com/session_xyz789",
        "decision": None,
        "extractedData": None,
        "warnings": [],
        "isCurrent": True,
        "expiresAt": None,
        "verifiedAt": None,
        "metadata": {},
        "createdAt": "2025-01-15T10:30:00Z",
        "updatedAt": "2025-01-15T10:30:00Z",
    } | changes


def a_rejected_row(**changes: Any) -> dict[str, Any]:
    return a_row(status="rejected", **changes)


def a_person(**changes: Any) -> dict[str, Any]:
    """An entity as the lookups give it, with the number as gu1 keeps it."""
    return {
        "id": ENTITY_ID,
        "externalId": "ours",
        "organizationId": "org_abc123",
        "type": "person",
        "name": "Ana Núñez",
        "taxId": "30.111.222",
        "countryCode": "AR",
        "riskScore": 12,
        "status": "under_review",
        "kycVerified": False,
        "entityData": {"person": {"firstName": "Ana", "lastName": "Núñez"}},
        "createdAt": "2025-01-15T10:00:00Z",
    } | changes


def a_status(**changes: Any) -> dict[str, Any]:
    """Where a verified person stands."""
    return {
        "entityId": ENTITY_ID,
        "hasKyc": True,
        "isVerified": True,
        "currentValidation": {"id": ID, "status": "approved", "verifiedAt": "2025-01-15T11:00:00Z"},
        "lastVerifiedAt": "2025-01-15T11:00:00Z",
        "expiresAt": "2026-01-15T11:00:00Z",
        "needsReverification": False,
    } | changes


def renaper(asked: bool | str | None = True, **answer: Any) -> dict[str, Any]:
    """The metadata of a validation with a double check."""
    return {
        "doubleChecks": {} if asked is None else {"renaper": asked},
        "responseDoubleChecks": {"renaper": answer} if answer else {},
    }


def a_warning(code: str, log_type: str = "error") -> dict[str, str]:
    return {"risk": code, "feature": "ID_VERIFICATION", "short_description": "…", "log_type": log_type}
