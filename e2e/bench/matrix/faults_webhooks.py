"""Faults of gu1's webhooks: lost, repeated, out of order, late, forged, or short."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from e2e.bench.matrix.faults import Begin, Fault, Strike
from e2e.bench.matrix.points import Point
from e2e.in_process_rig import SECRET, Rig
from e2e.mock_gu1 import SIGNATURE_HEADER
from e2e.mock_gu1.envelopes import signature

Way = Callable[[str, bytes, dict[str, str]], int]
_GARBAGE = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b'{"event": 7}',
    b'{"event": "kyc.validation_approved"}',
    b"\xff\xfe",
    b"[" * 9999,
)


def with_webhook_faults(**switches: Any) -> Begin:
    def begin(it: Rig, _: Point) -> Strike:
        it.mock.webhooks.set_faults(switches)
        return Strike(has_struck=lambda: bool(it.mock.webhooks.deliveries()))

    return begin


def delivered(wrapped: Callable[[Way], Way]) -> Begin:
    """Replaces the delivery of webhooks to the portal."""

    def begin(it: Rig, _: Point) -> Strike:
        way = wrapped(it.deliver)
        calls: list[int] = []

        def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
            calls.append(1)
            return way(url, body, headers)

        it.deliver = deliver  # type: ignore[method-assign]
        return Strike(has_struck=lambda: bool(calls))

    return begin


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"Content-Type": "application/json", SIGNATURE_HEADER: signature(secret, body)}


def respelt(body: bytes) -> bytes:
    """The same webhook in other bytes, so that it is not recognised as a duplicate."""
    return json.dumps(json.loads(body), indent=1, ensure_ascii=False).encode() + b" " * (time.monotonic_ns() % 500)


def _answer_lost(way: Way) -> Way:
    def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
        way(url, body, headers)
        return 504

    return deliver


def _all_at_once(way: Way) -> Way:
    def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
        with ThreadPoolExecutor(4) as many:
            answers = [many.submit(way, url, body, headers) for _ in range(4)]
        return max(answer.result() for answer in answers)

    return deliver


def _with_all_the_old_ones(way: Way) -> Way:
    old: list[bytes] = []

    def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
        answer = way(url, body, headers)
        old.insert(0, body)
        for earlier in old:
            again = respelt(earlier)
            way(url, again, signed(again))
        return answer

    return deliver


def _among_garbage(way: Way) -> Way:
    def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
        for garbage in _GARBAGE:
            way(url, garbage, signed(garbage))
        return way(url, body, headers)

    return deliver


def _among_forgeries(way: Way) -> Way:
    """A forged approval that is newer than everything gu1 sent."""

    def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
        told = json.loads(body)
        newer = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        told["event"] = "kyc.validation_approved"
        told["payload"] |= {"status": "approved", "updatedAt": newer}
        forged = json.dumps(told).encode()
        for stranger in ({}, signed(forged, "whsec_somebody_else"), {SIGNATURE_HEADER: headers[SIGNATURE_HEADER]}):
            way(url, forged, stranger)
        return way(url, body, headers)

    return deliver


def _door_shut_at_first(way: Way) -> Way:
    started = time.monotonic()

    def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
        return 503 if time.monotonic() < started + 1.0 else way(url, body, headers)

    return deliver


def _before_the_answer(it: Rig, point: Point) -> Strike:
    told = {"operation": "create_validation", "kind": "latency", "seconds": 0.4, "when": "after", "times": 9}
    it.mock.faults.order(told)
    return with_webhook_faults()(it, point)


def _fault(name: str, begin: Begin, **variant: Any) -> Fault:
    return Fault(name=f"news: {name}", points=("webhooks",), begin=begin, variant=variant, is_muted=False)


WEBHOOK_FAULTS = [
    _fault("none", with_webhook_faults(lose=1.0)),
    _fault("every second lost", with_webhook_faults(lose_every=2)),
    _fault("half lost by chance", with_webhook_faults(lose=0.5)),
    _fault("thrice", with_webhook_faults(copies=3)),
    _fault("shuffled", with_webhook_faults(shuffle=1.0, copies=2)),
    _fault("a second late", with_webhook_faults(delay=1.0)),
    _fault("kept until it is all over", with_webhook_faults(hold=True)),
    _fault("signed wrongly", with_webhook_faults(forge="wrong")),
    _fault("unsigned", with_webhook_faults(forge="unsigned")),
    _fault("signed with another secret", with_webhook_faults(forge="other_secret")),
    _fault("answer lost", delivered(_answer_lost)),
    _fault("four at once", delivered(_all_at_once)),
    _fault("with all the old ones again", delivered(_with_all_the_old_ones)),
    _fault("among garbage", delivered(_among_garbage)),
    _fault("among forged approvals", delivered(_among_forgeries)),
    _fault("door shut for a second", delivered(_door_shut_at_first)),
    _fault("before the create answer", _before_the_answer),
    _fault("short", with_webhook_faults(), webhook_envelope="v2a"),
    _fault("in the oldest envelope", with_webhook_faults(), webhook_envelope="v1"),
    _fault("of six kinds only", with_webhook_faults(), webhook_events="six"),
]
