"""Faults of gu1 itself: wrong answers to a call, before or after it took effect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from sqlalchemy import create_engine, update
from sqlalchemy.pool import NullPool

from e2e.bench.matrix.faults import Begin, Fault, Strike
from e2e.bench.matrix.points import ALL_CALLS, CREATES, WRITES, Point
from e2e.in_process_rig import DEADLINE, Rig
from e2e.mock_gu1.wrong_shapes import KEYS, OTHER_ID, SPOILT, WHOLE
from portal.store.tables import onboardings

FOREVER = 1_000_000
TOO_LONG = DEADLINE + 0.4


def ordered(kind: str, *, times: int = 1, lasts: bool = False, **parameters: Any) -> Begin:
    def begin(it: Rig, point: Point) -> Strike:
        wanted = {"operation": point.operation, "kind": kind, "times": FOREVER if lasts else times, **parameters}
        number = it.mock.faults.order({name: _said(value) for name, value in wanted.items()})["id"]

        def fired() -> int:
            return next((int(fault["fired"]) for fault in it.mock.faults.listed() if fault["id"] == number), 0)

        return Strike(
            has_struck=lambda: fired() > 0,
            is_over=lambda: fired() >= times,
            lift=it.mock.faults.reset if lasts else lambda: None,
            until_stage=point.refused if lasts else None,
        )

    return begin


def _said(value: Any) -> Any:
    return value() if callable(value) else value


def _in_two_seconds() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


def _fault(name: str, kind: str, points: tuple[str, ...] = ALL_CALLS, **parameters: Any) -> Fault:
    return Fault(name=name, points=points, begin=ordered(kind, **parameters))


def _spoilt(key: str, value: Any) -> int:
    return len(WHOLE) + KEYS.index(key) * len(SPOILT) + next(i for i, it in enumerate(SPOILT) if it is value)


MISSING = SPOILT[0]

STATUSES = [
    *(_fault(f"HTTP {code}", "status", status=code) for code in (400, 401, 402, 403, 404, 408, 409, 410, 422)),
    *(_fault(f"HTTP {code}", "status", status=code) for code in (204, 304, 429, 500, 501, 503, 504, 599)),
    *(_fault(f"HTTP {code}", "redirect", status=code) for code in (302, 307)),
    _fault("HTTP 400 in HTML", "status", status=400, body="html"),
    _fault("HTTP 404 nested", "status", status=404, body="nested"),
    _fault("HTTP 409 truncated", "status", status=409, body="truncated"),
    _fault("HTTP 502 in HTML", "status", status=502, body="html"),
    _fault("HTTP 200 and empty", "status", status=200, body="empty"),
    _fault("HTTP 201 and HTML", "status", status=201, body="html"),
    _fault("HTTP 429 for 1 s", "status", status=429, retry_after="1"),
    _fault("HTTP 429 until a date", "status", status=429, retry_after=_in_two_seconds),
    _fault("HTTP 429 for nonsense", "status", status=429, retry_after="soon"),
    _fault("HTTP 503 for 1 s, thrice", "status", status=503, retry_after="1", times=3),
    *(
        _fault(f"HTTP {code} after the work", "status", WRITES, status=code, when="after")
        for code in (408, 500, 502, 503, 504)
    ),
    _fault("HTTP 500 five times", "status", status=500, times=5),
    _fault("HTTP 500 after the work, twice", "status", WRITES, status=500, when="after", times=2),
    _fault("HTTP 302 after the work", "redirect", WRITES, status=302, when="after"),
]

_SILENCES = ("reset", "close", "hang")
WIRE = [
    *(_fault(f"{kind} before the work", kind) for kind in _SILENCES),
    *(_fault(f"{kind} after the work", kind, WRITES, when="after") for kind in _SILENCES),
    _fault("close after the work, twice", "close", CREATES, when="after", times=2),
    _fault("slow", "latency", seconds=0.5),
    _fault("slow after the work", "latency", WRITES, seconds=0.5, when="after"),
    _fault("too slow before the work", "latency", seconds=TOO_LONG),
    _fault("too slow after the work", "latency", WRITES, seconds=TOO_LONG, when="after"),
    _fault("head drips", "drip", part="headers"),
    _fault("body drips", "drip"),
    _fault("body drips in time", "drip", bytes=200, interval=0.02),
    _fault("truncated", "truncate"),
    _fault("truncated in its chunks", "bad_chunk"),
    _fault("garbage for a status line", "garbage_status"),
    _fault("answers twice", "duplicate"),
    _fault("a thousand interim answers", "interim"),
    _fault("late without an answer", "late", WRITES, seconds=0.8),
    _fault("late after a 504", "late", WRITES, seconds=0.8, answer="504"),
    _fault("late, and late again", "late", CREATES, seconds=1.2, times=2),
    _fault("stale by a minute", "stale", ("find_entities", "read_validation", "list_validations")),
    _fault("stale by a second, five times", "stale", ("read_validation", "list_validations"), seconds=1.0, times=5),
]

BODIES = [
    _fault("random bytes for a body", "garbage_body"),
    _fault("2 MiB of a body", "huge", mib=2),
    _fault("gzip bomb", "gzip_bomb", mib=4),
    *(
        _fault(f"body {body[:12].decode('latin-1')!r}", "wrong_shape", number=WHOLE.index(body))
        for body in (b"", b"null", b"[]", b"{}", b"NaN", b'{"success": true}', b"[" * 20_000, b'{"id": ')
    ),
    *(
        _fault(f"{key} is {shown}", "wrong_shape", number=_spoilt(key, value))
        for key, shown, value in (
            ("id", "missing", MISSING),
            ("id", "a path", SPOILT[10]),
            ("entityId", "missing", MISSING),
            ("entityId", "another's", OTHER_ID),
            ("status", "missing", MISSING),
            ("status", "a script", SPOILT[11]),
            ("providerSessionUrl", "missing", MISSING),
            ("providerSessionUrl", "a script", SPOILT[11]),
            ("createdAt", "a huge number", SPOILT[6]),
            ("updatedAt", "missing", MISSING),
            ("updatedAt", "a huge number", SPOILT[6]),
            ("expiresAt", "not printable", SPOILT[12]),
            ("metadata", "null", None),
            ("validations", "null", None),
            ("entity", "a list", SPOILT[14]),
            ("externalId", "another's", OTHER_ID),
        )
    ),
]


def _busy_for_ages(it: Rig, point: Point) -> Strike:
    """For an hour, which is simulated in the database."""
    strike = ordered("status", status=429, retry_after="999999999")(it, point)
    strike.until_stage, strike.lift = point.refused or "delayed", lambda: make_due(it)
    return strike


def make_due(it: Rig) -> None:
    engine = create_engine(it.database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(update(onboardings).values(due_at=datetime.now(UTC)))


REFUSALS = [
    Fault(
        name="HTTP 429 for ages",
        points=tuple(point for point in ALL_CALLS if point != "sync_validation"),
        begin=_busy_for_ages,
        lasts=True,
        is_muted=True,
    ),
    *(
        Fault(
            name=f"HTTP {code} until it is lifted",
            points=tuple(point for point in ALL_CALLS if point != "find_entities"),
            begin=ordered("status", lasts=True, status=code),
            lasts=True,
            is_muted=True,
        )
        for code in (401, 402, 403, 429, 503)
    ),
]

API_FAULTS = [*STATUSES, *WIRE, *BODIES, *REFUSALS]
