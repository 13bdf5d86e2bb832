"""What one mock is made with and keeps for its life; what may change meanwhile is in `api_variants`."""

from __future__ import annotations

from dataclasses import dataclass

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
    asks_camera: bool = False
    """Whether the hosted page opens a camera and tells the page around it, as the real one does."""
    webhook_url: str | None = None
    webhook_secret: str = ""
    auto_delay: float = 2.0
    """Seconds until a validation without a hosted page gets its outcome."""
    renaper_delay: float = 5.0
    """Seconds until the registry answers in the world of two steps."""
    seed: int = 0
    """Of everything that is left to chance but ids, which a mock that is started again must not repeat."""
