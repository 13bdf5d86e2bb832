"""Signatures of notifications, after Standard Webhooks 1.0.0."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence


def signed_headers(event_id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """`timestamp`: of this try, in Unix seconds. There is one signature for each secret, so secrets can be rotated."""
    message = b".".join((event_id.encode(), str(timestamp).encode(), body))
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, message) for secret in secrets),
    }


def _signature(secret: bytes, message: bytes) -> str:
    return f"v1,{base64.b64encode(hmac.digest(secret, message, 'sha256')).decode()}"
