"""gu1's webhooks: whether one is genuine, and what it says of which validation."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from portal.domain.errors import Malformed
from portal.domain.validation import Observation
from portal.gu1.parsing import identifier, mapping, parse, text
from portal.gu1.validation_reader import read_validation

_SHA256_HEX = re.compile(r"[0-9a-f]{64}")
_VALIDATION_EVENTS = "kyc.validation_"


@dataclass(frozen=True, slots=True)
class VerifiedWebhook:
    event: str
    """gu1's word, empty where it gives none."""
    gu1_id: str | None
    """The validation that the event is about; None for events about something else."""
    observation: Observation | None
    """Only where the event brings the whole row and says how old it is."""


def verify(body: bytes, signature: str | None, secrets: Sequence[str]) -> bool:
    """Whether `signature` is the hex HMAC-SHA256 of the raw body under one of the secrets."""
    stated = (signature or "").strip().lower().removeprefix("sha256=")
    if not _SHA256_HEX.fullmatch(stated):
        return False
    # All are tried before any is looked at, so that the time taken does not tell which one it was.
    matches = [hmac.compare_digest(_sign(body, secret), stated) for secret in secrets if secret]
    return any(matches)


def parse_webhook(body: bytes) -> VerifiedWebhook:
    """Raises `Malformed` for what is no JSON object; whatever else is strange makes an event about nothing."""
    envelope = parse(body)
    if not isinstance(envelope, dict):
        raise Malformed("a webhook that is no JSON object")
    event = text(envelope.get("event")) or text(envelope.get("type")) or ""
    if not event.startswith(_VALIDATION_EVENTS):
        return VerifiedWebhook(event, None, None)
    payload = mapping(envelope.get("payload")) or mapping(envelope.get("data"))
    gu1_id = identifier(payload.get("validationId")) or identifier(payload.get("id"))
    return VerifiedWebhook(event, gu1_id, _whole_row(payload, gu1_id))


def _whole_row(payload: dict[str, object], gu1_id: str | None) -> Observation | None:
    try:
        seen = read_validation(payload)
    except Malformed:
        return None
    return seen if seen.updated_at and seen.gu1_id == gu1_id else None


def _sign(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
