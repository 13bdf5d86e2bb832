"""A stand-in for gu1's KYC API and for its provider's hosted page."""

from e2e.mock_gu1.app import create_mock
from e2e.mock_gu1.settings import DEFAULT_API_KEY
from e2e.mock_gu1.webhooks import SIGNATURE_HEADER

__all__ = ["DEFAULT_API_KEY", "SIGNATURE_HEADER", "create_mock"]
