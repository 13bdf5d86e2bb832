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


def renaper(asked: bool | None = True, **answer: Any) -> dict[str, Any]:
    """The metadata of a validation with a double check."""
    return {
        "doubleChecks": {} if asked is None else {"renaper": asked},
        "responseDoubleChecks": {"renaper": answer} if answer else {},
    }


def a_warning(code: str, log_type: str = "error") -> dict[str, str]:
    return {"risk": code, "feature": "ID_VERIFICATION", "short_description": "…", "log_type": log_type}
