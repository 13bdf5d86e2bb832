"""Signed deliveries in order (unless faults are set), on one thread that never blocks the API."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from threading import RLock
from time import sleep

import httpx

from e2e.mock_gu1.api_variants import CurrentVariant
from e2e.mock_gu1.clock import Clock, iso
from e2e.mock_gu1.delivery_queue import DeliveryQueue
from e2e.mock_gu1.envelopes import SIGNATURE_HEADER, Envelopes, signature
from e2e.mock_gu1.rows import Entity, Json, Validation
from e2e.mock_gu1.settings import Settings
from e2e.mock_gu1.webhook_faults import WebhookFaults

log = logging.getLogger(__name__)

PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between attempts; there is one more attempt than pauses."""

Deliver = Callable[[str, bytes, dict[str, str]], int]
"""Sends a body with its headers to a URL and returns the HTTP status."""


certificates = cache(httpx.create_ssl_context)
"""Read once: it takes 20 ms."""


def over_http(url: str, body: bytes, headers: dict[str, str]) -> int:
    return httpx.post(
        url, content=body, headers=headers, timeout=10, trust_env=False, verify=certificates()
    ).status_code


@dataclass(slots=True, kw_only=True)
class Delivery:
    number: int
    event: str
    validation_id: str | None
    body: bytes
    headers: dict[str, str]
    created: str
    state: str = "queued"
    """queued, held, lost, delivered or given_up."""
    answers: list[int | str] = field(default_factory=list)
    """An HTTP status or an error text for each attempt."""

    def described(self) -> Json:
        return {
            "number": self.number,
            "event": self.event,
            "validation": self.validation_id,
            "created": self.created,
            "state": self.state,
            "answers": list(self.answers),
            "signature": self.headers.get(SIGNATURE_HEADER),
            "body": self.body.decode(),
        }


class Webhooks:
    def __init__(
        self,
        settings: Settings,
        variants: CurrentVariant,
        envelopes: Envelopes,
        now: Clock,
        *,
        deliver: Deliver = over_http,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._settings = settings
        self._variants = variants
        self._envelopes = envelopes
        self._now = now
        self._deliver = deliver
        self._pauses = pauses
        self._lock = RLock()
        self._queue = DeliveryQueue()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._queue.clear()
            self.faults = WebhookFaults()
            self._deliveries: list[Delivery] = []
            self._random = Random(self._settings.seed)

    def set_faults(self, changes: Mapping[str, object]) -> None:
        with self._lock:
            self.faults = self.faults.changed(changes)

    def announce(self, step: str, row: Validation, entity: Entity) -> None:
        """`step` is the event's last word: `created`, or the status that was reached."""
        if self._envelopes.is_sent(step):
            event = f"kyc.validation_{step}"
            self._add(event, self._envelopes.of_step(event, row, entity), row.id)

    def announce_other(self, event: str, payload: Json) -> None:
        self._add(event, self._envelopes.of_other(event, payload), None)

    def deliveries(self) -> list[Json]:
        """Oldest first."""
        with self._lock:
            return [delivery.described() for delivery in self._deliveries]

    def latest_of(self, validation_id: str) -> int | None:
        with self._lock:
            numbers = [it.number for it in self._deliveries if it.validation_id == validation_id]
        return max(numbers, default=None)

    def replay(self, number: int) -> bool:
        """Sends the same bytes with the same signature again; False if there is no such delivery."""
        with self._lock:
            old = next((it for it in self._deliveries if it.number == number), None)
            if old is None:
                return False
            self._file(old.event, old.body, old.headers, old.validation_id)
        return True

    def release(self, order: str = "as_held") -> int:
        """Number of released deliveries; `order` is as_held, reversed or shuffled."""
        with self._lock:
            held = [it for it in self._deliveries if it.state == "held"]
            if order == "reversed":
                held.reverse()
            elif order == "shuffled":
                self._random.shuffle(held)
            for delivery in held:
                self._send_later(delivery)
        return len(held)

    def flush(self) -> None:
        """Waits until every queued delivery was delivered or given up."""
        self._queue.join()

    def _add(self, event: str, body: bytes, validation_id: str | None) -> None:
        if self._settings.webhook_url is None:
            return
        with self._lock:
            for _ in range(self.faults.copies):
                self._file(event, body, self._headers(body), validation_id)

    def _file(self, event: str, body: bytes, headers: dict[str, str], validation_id: str | None) -> None:
        delivery = Delivery(
            number=len(self._deliveries) + 1,
            event=event,
            validation_id=validation_id,
            body=body,
            headers=headers,
            created=iso(self._now()),
        )
        self._deliveries.append(delivery)
        if self._is_lost(delivery.number):
            delivery.state = "lost"
        elif self.faults.hold:
            delivery.state = "held"
        else:
            self._send_later(delivery)

    def _is_lost(self, number: int) -> bool:
        every = self.faults.lose_every
        return (every > 0 and number % every == 0) or self._random.random() < self.faults.lose

    def _send_later(self, delivery: Delivery) -> None:
        delivery.state = "queued"
        wait = self.faults.delay + self._random.uniform(0, self.faults.shuffle)
        self._queue.put(wait, lambda: self._send(delivery))

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        secret, forge = self._settings.webhook_secret, self.faults.forge
        if not secret or forge == "unsigned":
            return headers
        signed = body + b" " if forge == "wrong" else body
        key = secret + "-of-somebody-else" if forge == "other_secret" else secret
        return headers | {SIGNATURE_HEADER: signature(key, signed, self._variants.now.signature)}

    def _send(self, delivery: Delivery) -> None:
        for pause in (*self._pauses, None):
            outcome = self._try(delivery)
            delivery.answers.append(outcome)
            if isinstance(outcome, int) and 200 <= outcome < 300:
                delivery.state = "delivered"
                return
            if pause is not None:
                sleep(pause)
        delivery.state = "given_up"
        problem = f"HTTP {outcome}" if isinstance(outcome, int) else outcome
        log.warning("webhook %s given up after %d tries: %s", delivery.event, len(delivery.answers), problem)

    def _try(self, delivery: Delivery) -> int | str:
        try:
            return self._deliver(self._settings.webhook_url or "", delivery.body, delivery.headers)
        except Exception as error:  # a receiver's failure must not stop the next delivery
            return f"{type(error).__name__}: {error}"
