"""Fixed settings of a mock; switches that may change are in `api_variants`."""

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
    """The mock's URL for browsers; None uses the host of the API call."""
    return_url: str | None = None
    asks_camera: bool = False
    """Whether the hosted page opens a camera and posts messages to its parent, like the real one."""
    webhook_url: str | None = None
    webhook_secret: str = ""
    auto_delay: float = 2.0
    """Seconds until an automatic validation gets its outcome."""
    renaper_delay: float = 5.0
    """Seconds until the registry answers if `renaper` is `two_steps`."""
    seed: int = 0
    """Seed of all randomness except ids, which must not repeat after a restart."""
