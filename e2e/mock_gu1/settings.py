"""What one mock is made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Envelope = Literal["v1", "v2a", "v2b"]
DuplicateShape = Literal["nested", "flat"]

DEFAULT_API_KEY = "gk_sandbox_mock"
DEFAULT_INTEGRATION_CODE = "global_gueno_validation_kyc"
DEFAULT_ORGANIZATION_ID = "org_mock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    api_key: str = DEFAULT_API_KEY
    integration_code: str = DEFAULT_INTEGRATION_CODE
    organization_id: str = DEFAULT_ORGANIZATION_ID
    public_url: str | None = None
    """Where browsers reach the mock; None means wherever the API call came in."""
    return_url: str | None = None
    webhook_url: str | None = None
    webhook_secret: str = ""
    envelope: Envelope = "v2b"
    duplicate_shape: DuplicateShape = "nested"
    auto_delay: float = 2.0
    """Seconds until a validation without a hosted page gets its outcome."""
