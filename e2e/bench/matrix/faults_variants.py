"""A lost answer in each API variant that makes reconciling hard, and an outage of all of gu1."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from e2e.bench.matrix.faults import Begin, Fault, Strike, after
from e2e.bench.matrix.faults_api import ordered
from e2e.bench.matrix.points import ALL_CALLS, CREATES, Point
from e2e.bench.proxy import WirePoint
from e2e.in_process_rig import Rig

_OUTAGE = 1.0


def _lost(words: str, points: tuple[str, ...] = CREATES, **variant: Any) -> Fault:
    begin = ordered("close", when="after")
    return Fault(name=f"answer lost, {words}", points=points, begin=begin, variant=variant, is_muted=True)


def _apart(**time_apart: float) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(**time_apart)


def _outage(it: Rig, point: Point) -> Strike:
    """All of gu1 is down from this call on."""
    begun: list[float] = []

    def go_down() -> None:
        it.mock.availability.go_down(_OUTAGE)
        begun.append(time.monotonic())

    it.proxy.at(WirePoint.SEEN, request=point.request, do=go_down)
    return Strike(has_struck=lambda: bool(begun), is_over=after(_OUTAGE, lambda: begun[0] if begun else None))


def _restricted(**variant: str) -> Begin:
    """gu1 refuses everything from the press of a button until the page has reported it."""

    def begin(it: Rig, _: Point) -> Strike:
        before = {name: it.mock.variants.described()[name]["value"] for name in variant}
        it.mock.variants.change(variant)
        return Strike(has_struck=lambda: True, lift=lambda: it.mock.variants.change(before), until_stage="delayed")

    return begin


VARIANT_FAULTS = [
    _lost("no metadata shown", metadata_echo="no"),
    _lost("lists abbreviated", list_rows="abbreviated"),
    _lost("lists abbreviated and no metadata shown", list_rows="abbreviated", metadata_echo="no"),
    _lost("metadata refused", create_keys="newest"),
    _lost("duplicates allowed", ("create_entity", *CREATES), duplicates="allow"),
    _lost("duplicates refused without an id", ("create_entity",), duplicate_shape="without_id"),
    _lost("a second cancels the first", second_validation="cancels_first"),
    _lost("no expiry given", expires_at="missing"),
    _lost("the verdict in two steps", renaper="two_steps", renaper_delay=0.4),
    _lost("errors nested", error_shape="nested"),
    _lost("gu1's clock an hour ahead", now=_apart(hours=1)),
    _lost("gu1's clock an hour behind", now=_apart(hours=-1)),
    _lost("gu1's clock an hour ahead, lists abbreviated", list_rows="abbreviated", now=_apart(hours=1)),
    # With a larger difference an older validation could be taken for the lost one, so none is adopted.
    _lost("gu1's clock four minutes behind, no metadata shown", metadata_echo="no", now=_apart(minutes=-4)),
    Fault(name="gu1 down for a second", points=ALL_CALLS, begin=_outage, is_proxied=True),
    *(
        Fault(name=f"{words} until it is lifted", points=("form", "retry"), begin=_restricted(**variant), lasts=True)
        for words, variant in (
            ("key revoked", {"key": "revoked_401"}),
            ("key forbidden", {"key": "forbidden_403"}),
            ("credit exhausted, 402", {"credit": "exhausted_402"}),
            ("credit exhausted, 400", {"credit": "exhausted_400"}),
            ("integration missing", {"integration": "missing"}),
        )
    ),
]
