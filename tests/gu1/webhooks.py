"""Webhooks as gu1 signs them."""

from __future__ import annotations

import hashlib
import hmac

from portal.gu1.signed_webhook import parse_webhook
from portal.services.webhook_handler import VerifiedWebhook
from tests.conftest import WEBHOOK_SECRET


def signature_of(body: bytes) -> str:
    return hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()


def signed_and_parsed(body: bytes) -> VerifiedWebhook:
    webhook = parse_webhook(body, signature_of(body), [WEBHOOK_SECRET])
    assert webhook is not None
    return webhook
