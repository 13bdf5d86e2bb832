"""The body of a webhook in each generation's envelope, and its signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from uuid import uuid4

from e2e.mock_gu1.api_variants import CurrentVariant
from e2e.mock_gu1.clock import Clock, iso
from e2e.mock_gu1.rows import CHARGED, Entity, Json, Validation
from e2e.mock_gu1.shapes import Shapes

SIGNATURE_HEADER = "X-Webhook-Signature"
OLD_EVENTS = frozenset({"created", "in_progress", "approved", "rejected", "abandoned", "expired"})
NEW_EVENTS = frozenset({"in_review", "cancelled"})


def signature(secret: str, body: bytes, form: str = "hex") -> str:
    """`form` is a word of the switch `signature`."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256)
    if form == "base64":
        return base64.b64encode(digest.digest()).decode()
    written = digest.hexdigest()
    return {"upper": written.upper(), "prefixed": f"sha256={written}"}.get(form, written)


class Envelopes:
    def __init__(self, organization_id: str, variants: CurrentVariant, shapes: Shapes, now: Clock) -> None:
        self._organization_id = organization_id
        self._variants = variants
        self._shapes = shapes
        self._now = now

    def is_sent(self, step: str) -> bool:
        return self._variants.now.webhook_events == "eight" or step not in NEW_EVENTS

    def of_step(self, event: str, row: Validation, entity: Entity) -> bytes:
        if self._variants.now.webhook_envelope == "v1":
            return self._written({"id": str(uuid4()), "type": event, "data": _short(row)})
        return self._enveloped(event, self._payload(row, entity))

    def of_other(self, event: str, payload: Json) -> bytes:
        """An event of another kind; entity events have no organizationId."""
        return self._enveloped(event, payload, with_organization=not event.startswith("entity."))

    def _enveloped(self, event: str, payload: Json, *, with_organization: bool = True) -> bytes:
        if self._variants.now.webhook_envelope == "v1":
            return self._written({"id": str(uuid4()), "type": event, "data": payload})
        organization = {"organizationId": self._organization_id} if with_organization else {}
        return self._written({"event": event, "timestamp": iso(self._now()), **organization, "payload": payload})

    def _payload(self, row: Validation, entity: Entity) -> Json:
        if self._variants.now.webhook_envelope == "v2a":
            return _short(row) | {
                "entity": {"id": entity.id, "externalId": entity.external_id, "name": entity.name, "type": entity.type}
            }
        shown = self._shapes.validation(row)
        return shown | {"entity": self._shapes.entity(entity)} if row.status in CHARGED else shown

    def _written(self, envelope: Json) -> bytes:
        return json.dumps(self._shapes.dressed(envelope), ensure_ascii=False).encode()


def _short(row: Validation) -> Json:
    return {"validationId": row.id, "entityId": row.entity_id, "status": row.status}
