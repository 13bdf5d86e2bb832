"""The endings, each with a lost answer, a gu1 that hangs, and a process that dies in the middle."""

from __future__ import annotations

import time

from e2e.bench.matrix.faults import Begin, Fault, Strike
from e2e.bench.matrix.faults_api import ordered
from e2e.bench.matrix.faults_webhooks import Way, delivered
from e2e.bench.matrix.person import POLL
from e2e.bench.matrix.points import ENDINGS, Point
from e2e.bench.proxy import WirePoint
from e2e.in_process_rig import Rig

_WEBHOOK_RETRIES = 10.0
"""Seconds."""
_CALLS = tuple(point.name for point in ENDINGS if point.is_call)
_ALL = tuple(point.name for point in ENDINGS)


def _again_until_it_is_taken(way: Way) -> Way:
    """As gu1 does; what it says of an earlier attempt comes by webhook only."""

    def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
        deadline = time.monotonic() + _WEBHOOK_RETRIES
        while (answer := way(url, body, headers)) >= 500 and time.monotonic() < deadline:
            time.sleep(POLL)
        return answer

    return deliver


def died_at(point_on_wire: WirePoint) -> Begin:
    """Without a call of gu1 it dies at once, before the ending."""

    def begin(it: Rig, point: Point) -> Strike:
        if not point.is_call:
            it.dies()
            return Strike(has_struck=lambda: True)
        deaths: list[float] = []
        starts: list[float] = []

        def die() -> None:
            # Noted first: the dead process may hang up while the next one starts.
            deaths.append(time.monotonic())
            it.dies()
            starts.append(time.monotonic())

        it.proxy.at(point_on_wire, request=point.request, do=die, cut=True)
        delivered(_again_until_it_is_taken)(it, point)
        return Strike(has_struck=lambda: bool(deaths), is_over=lambda: bool(starts))

    return begin


ENDING_FAULTS = [
    Fault(name="ending: answer lost", points=_CALLS, begin=ordered("close", when="after")),
    Fault(name="ending: gu1 hangs before the work", points=_CALLS, begin=ordered("hang")),
    Fault(name="ending: gu1 hangs after the work", points=_CALLS, begin=ordered("hang", when="after")),
    Fault(name="ending: gu1 hangs thrice", points=_CALLS, begin=ordered("hang", times=3)),
    Fault(name="ending: killed when it asked", points=_CALLS, begin=died_at(WirePoint.SENT), is_proxied=True),
    Fault(name="ending: killed when gu1 answered", points=_ALL, begin=died_at(WirePoint.ANSWERING), is_proxied=True),
]
