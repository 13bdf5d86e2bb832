"""Notifications to partners' backends: the events, their endpoints and the results of deliveries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

UPDATED = "onboarding.updated"
LEFT_AT_PHOTOS = "onboarding.left_at_photos"
EXPIRING = "onboarding.expiring"
LAPSED = "onboarding.lapsed"
TEST = "onboarding.test"


@dataclass(frozen=True, slots=True)
class Notice:
    """Of a change, before it has become an event."""

    type: str
    at: datetime
    payload: str = field(repr=False)
    """The summary as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: str
    partner: str
    onboarding_id: str
    sequence: int
    """Counts the events of one onboarding, from 1 and without a gap."""
    summary: Mapping[str, object] = field(repr=False)
    created_at: datetime
    due_at: datetime | None = None
    """When it is sent next; None if it was delivered or given up."""
    lease_until: datetime | None = None
    attempts: int = 0
    outcome: str | None = None
    """Of the last delivery, in a few words for the operator."""
    delivered_at: datetime | None = None
    type: str | None = None
    """None if it was stored by a release that knew only one."""

    @property
    def kind(self) -> str:
        return self.type or UPDATED

    @property
    def body(self) -> bytes:
        """The same bytes for each try."""
        return event_body(self.kind, self.created_at, {**self.summary, "sequence": self.sequence})


def event_body(kind: str, happened_at: datetime, data: Mapping[str, object]) -> bytes:
    timestamp = happened_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"type": kind, "timestamp": timestamp, "data": data}, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class NotificationEndpoint:
    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)
    """Each notification is signed with every one of them."""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    http_status: int | None = None
    retry_after: float | None = None
    """In seconds, if the backend sent one."""
    failure: str | None = None
    """Why there is no response, without the address."""

    @property
    def is_success(self) -> bool:
        return self.http_status is not None and 200 <= self.http_status < 300

    @property
    def is_gone(self) -> bool:
        return self.http_status == 410

    @property
    def outcome(self) -> str:
        return "gone" if self.is_gone else self.failure or f"HTTP {self.http_status}"
