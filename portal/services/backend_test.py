"""A notification of no onboarding, sent at once, by which a partner tries its backend."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from portal.domain.onboarding import Onboarding
from portal.services.keyed_hash import KeyedHash
from portal.services.notification import TEST, DeliveryResult, NotificationEndpoint, event_body
from portal.services.ports import Clock
from portal.services.signatures import signed_headers
from portal.services.summary import plain_summary, summary_of
from portal.services.validation_plan import Policy

SendNow = Callable[[str, bytes, Mapping[str, str]], DeliveryResult]
"""Sends one POST and waits for its answer, some seconds at most."""
_POLICY = Policy(max_attempts=3, double_check_renaper=False, is_live=False)


class TestUnderWay(Exception):
    """Whoever asks for the next one has to wait: each holds up a thread of the server."""


@dataclass(frozen=True, slots=True)
class TestResult:
    event_id: str
    delivery: DeliveryResult


class BackendTest:
    def __init__(
        self,
        endpoints: Callable[[], Mapping[str, NotificationEndpoint]],
        send: SendNow,
        *,
        clock: Clock,
        request_hash: KeyedHash,
    ) -> None:
        self._endpoints = endpoints
        self._send = send
        self._clock = clock
        self._request_hash = request_hash
        self._under_way = Lock()

    def run(self, partner: str, *, key: str | None) -> TestResult:
        """The partner has an endpoint. With a repeated `key` the notification has the same id.

        Raises `TestUnderWay` if this process is sending one already.
        """
        if not self._under_way.acquire(blocking=False):
            raise TestUnderWay
        try:
            return self._run(partner, key)
        finally:
            self._under_way.release()

    def _run(self, partner: str, key: str | None) -> TestResult:
        now, endpoint = self._clock(), self._endpoints()[partner]
        name = self._request_hash.digest(f"test {partner} {key}")[-22:] if key else secrets.token_urlsafe(16)
        event_id, body = f"evt_test_{name}", event_body(TEST, now, _example(now))
        headers = signed_headers(event_id, int(now.timestamp()), body, endpoint.secrets)
        return TestResult(event_id, self._send(endpoint.url, body, headers))


def _example(now: datetime) -> dict[str, object]:
    """With the fields of a real one, so that a backend runs through all of its code."""
    example = Onboarding(id="test", locale="en", partner="test", external_id="test", created_at=now, updated_at=now)
    return plain_summary(summary_of(example, _POLICY, now)) | {"sequence": 0}
