"""gu1's webhooks: the signature, and what one says about which validation."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from portal.domain.errors import Malformed
from portal.domain.validation import Observation
from portal.gu1.parsing import identifier, mapping, parse, text
from portal.gu1.validation_reader import read_validation
from portal.services.webhook_handler import VerifiedWebhook

_SHA256_HEX = re.compile(r"[0-9a-f]{64}")
_VALIDATION_EVENTS = "kyc.validation_"


def parse_webhook(body: bytes, signature: str | None, secrets: Sequence[str]) -> VerifiedWebhook | None:
    """None unless it `is_signed`.

    Raises `Malformed` if the body is not a JSON object; anything else unexpected gives a webhook about no validation.
    """
    if not is_signed(body, signature, secrets):
        return None
    envelope = parse(body)
    if not isinstance(envelope, dict):
        raise Malformed("a webhook that is not a JSON object")
    event = text(envelope.get("event")) or text(envelope.get("type")) or ""
    if not event.startswith(_VALIDATION_EVENTS):
        return VerifiedWebhook()
    payload = mapping(envelope.get("payload")) or mapping(envelope.get("data"))
    gu1_id = identifier(payload.get("validationId")) or identifier(payload.get("id"))
    return VerifiedWebhook(gu1_id, _whole_row(payload, gu1_id))


def is_signed(body: bytes, signature: str | None, secrets: Sequence[str]) -> bool:
    """True if `signature` is the hex HMAC-SHA256 of the raw body under one of the secrets."""
    given = (signature or "").strip().lower().removeprefix("sha256=")
    if not _SHA256_HEX.fullmatch(given):
        return False
    # Compare all before looking at any result, so that the time taken does not reveal which secret matched.
    matches = [hmac.compare_digest(_sign(body, secret), given) for secret in secrets if secret]
    return any(matches)


def _whole_row(payload: dict[str, object], gu1_id: str | None) -> Observation | None:
    try:
        seen = read_validation(payload)
    except Malformed:
        return None
    return seen if seen.updated_at and seen.gu1_id == gu1_id else None


def _sign(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
