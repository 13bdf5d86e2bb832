"""Time as gu1 writes it, and things that happen later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Timer

Clock = Callable[[], datetime]
"""Aware, in UTC."""

Later = Callable[[float, Callable[[], object]], None]
"""Runs the second argument that many seconds from now, on another thread."""

TICK = timedelta(milliseconds=1)


def utc_now() -> datetime:
    return datetime.now(UTC)


def on_a_timer(seconds: float, action: Callable[[], object]) -> None:
    timer = Timer(seconds, action)
    timer.daemon = True
    timer.start()


def to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
