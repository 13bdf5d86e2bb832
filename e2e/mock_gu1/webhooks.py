"""Signed deliveries, in order, by one thread that never keeps the API waiting."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from queue import Queue
from threading import Lock, Thread
from time import sleep
from uuid import uuid4

import httpx

from e2e.mock_gu1.clock import iso
from e2e.mock_gu1.settings import Settings
from e2e.mock_gu1.shapes import entity_read, validation_read
from e2e.mock_gu1.state import CHARGED, Entity, Json, State, Validation

log = logging.getLogger(__name__)

SIGNATURE_HEADER = "X-Webhook-Signature"
PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between the tries; one more try than there are pauses."""

Deliver = Callable[[str, bytes, dict[str, str]], int]
"""Sends a body with its headers to a URL and returns the HTTP status."""


def by_post(url: str, body: bytes, headers: dict[str, str]) -> int:
    return httpx.post(url, content=body, headers=headers, timeout=10, trust_env=False).status_code


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Webhooks:
    def __init__(
        self, settings: Settings, state: State, *, deliver: Deliver = by_post, pauses: tuple[float, ...] = PAUSES
    ) -> None:
        self._settings = settings
        self._state = state
        self._deliver = deliver
        self._pauses = pauses
        self._queue: Queue[tuple[str, bytes]] = Queue()
        self._starting = Lock()
        self._worker: Thread | None = None

    def announce(self, step: str, validation: Validation, entity: Entity) -> None:
        """`step` is the event's last word: `created`, or the status that was reached."""
        if self._settings.webhook_url is None:
            return
        event = f"kyc.validation_{step}"
        body = json.dumps(self._envelope(event, validation, entity), ensure_ascii=False).encode()
        self._start()
        self._queue.put((event, body))

    def flush(self) -> None:
        """Waits until everything announced so far was delivered or given up."""
        self._queue.join()

    def _envelope(self, event: str, validation: Validation, entity: Entity) -> Json:
        if self._settings.envelope == "v1":
            return {"id": str(uuid4()), "type": event, "data": _short(validation)}
        return {
            "event": event,
            "timestamp": iso(self._state.now()),
            "organizationId": self._settings.organization_id,
            "payload": self._payload(validation, entity),
        }

    def _payload(self, validation: Validation, entity: Entity) -> Json:
        if self._settings.envelope == "v2a":
            return _short(validation) | {
                "entity": {
                    "id": entity.id,
                    "externalId": entity.external_id,
                    "name": entity.name,
                    "type": entity.type,
                }
            }
        organization_id = self._settings.organization_id
        row = validation_read(validation, organization_id)
        return row | {"entity": entity_read(entity, organization_id)} if validation.status in CHARGED else row

    def _start(self) -> None:
        with self._starting:
            if self._worker is None:
                self._worker = Thread(target=self._work, name="mock-gu1-webhooks", daemon=True)
                self._worker.start()

    def _work(self) -> None:
        while True:
            event, body = self._queue.get()
            try:
                self._send(event, body)
            finally:
                self._queue.task_done()

    def _send(self, event: str, body: bytes) -> None:
        problem = ""
        for pause in (*self._pauses, None):
            problem = self._try(body)
            if not problem:
                return
            if pause is not None:
                sleep(pause)
        log.warning("webhook %s given up after %d tries: %s", event, len(self._pauses) + 1, problem)

    def _try(self, body: bytes) -> str:
        """What went wrong, in a few words; empty where nothing did."""
        url, secret = self._settings.webhook_url, self._settings.webhook_secret
        headers = {"Content-Type": "application/json"}
        if secret:
            headers[SIGNATURE_HEADER] = signature(secret, body)
        try:
            status = self._deliver(url or "", body, headers)
        except Exception as error:  # whatever a receiver does, the next delivery has to go out
            return f"{type(error).__name__}: {error}"
        return "" if 200 <= status < 300 else f"HTTP {status}"


def _short(validation: Validation) -> Json:
    return {"validationId": validation.id, "entityId": validation.entity_id, "status": validation.status}
