"""The instants at which a process is killed, with the names of the protocol's kill points."""

from __future__ import annotations

import re
from dataclasses import dataclass

from e2e.bench.exchange import WirePoint

CREATE_ENTITY = b"POST /api/entities "
CREATE_VALIDATION = b"POST /api/kyc/validations "
READ_VALIDATION = re.compile(rb"GET /api/kyc/validations/")
LIST_VALIDATIONS = re.compile(rb"GET /api/kyc/entities/[^/]+/validations")
CANCEL_VALIDATION = re.compile(rb"/cancel ")


@dataclass(frozen=True, slots=True)
class Commit:
    when: str
    kind: str
    nth: int = 1


@dataclass(frozen=True, slots=True)
class Wire:
    request: bytes | re.Pattern[bytes]
    point: WirePoint


@dataclass(frozen=True, slots=True)
class Point:
    name: str
    kills: tuple[Commit | Wire, ...]
    """One after another; each is planned while the portal is down, or before the applicant arrives."""
    plan: str = "approve"
    hears_webhooks: bool = True
    """If False they are held until the applicant has gone as far as the runner alone can lead."""


def _commit(name: str, when: str, kind: str, nth: int = 1, *, plan: str = "approve", webhooks: bool = True) -> Point:
    return Point(f"{name}{when} {kind}" + (f" {nth}" if nth > 1 else ""), (Commit(when, kind, nth),), plan, webhooks)


COMMITS = (
    _commit("K1 ", "before", "intent"),
    _commit("K2 ", "after", "intent"),
    _commit("", "before", "claim"),
    _commit("K3 ", "after", "claim"),
    _commit("K5 ", "before", "sent"),
    _commit("K7 ", "after", "sent"),
    _commit("K9 ", "before", "adopted", webhooks=False),
    _commit("K10 ", "after", "adopted"),
    _commit("", "before", "watched"),
    _commit("K12 ", "before", "webhook"),
    _commit("", "after", "webhook"),
    _commit("", "before", "opened"),
    _commit("", "after", "opened"),
    _commit("K13 ", "before", "looked", plan="leave"),
    _commit("", "after", "looked", plan="leave"),
    _commit("", "before", "moved", plan="walk off"),
    _commit("", "after", "moved", plan="walk off"),
    _commit("", "before", "verdict"),
    _commit("", "after", "verdict"),
    _commit("K13 ", "before", "verdict", plan="give up", webhooks=False),
    _commit("", "before", "retry", plan="retry"),
    _commit("", "after", "retry", plan="retry"),
    _commit("", "before", "readopted", plan="retry", webhooks=False),
    _commit("", "before", "stopped", plan="stop"),
    _commit("", "after", "stopped", plan="stop"),
    _commit("K14 ", "before", "cancelled", plan="stop"),
    _commit("", "after", "cancelled", plan="stop"),
    Point("K11 before adopted, after a list", (Commit("before", "adopted"),) * 2, hears_webhooks=False),
)


def _wire(name: str, call: str, request: bytes | re.Pattern[bytes], plan: str = "approve") -> tuple[Point, ...]:
    """`name` is the point at which gu1 has the request and we have no answer."""
    names = {WirePoint.SEEN: "", WirePoint.SENT: name, WirePoint.ANSWERING: name}
    return tuple(
        Point(f"{prefix}{call}: {point}", (Wire(request, point),), plan, hears_webhooks=False)
        for point, prefix in names.items()
    )


WIRE = (
    *_wire("K4 ", "create entity", CREATE_ENTITY),
    *_wire("K8 ", "create validation", CREATE_VALIDATION),
    *_wire("K13 ", "read validation", READ_VALIDATION, "leave"),
    *_wire("K14 ", "cancel validation", CANCEL_VALIDATION, "stop"),
    Point(
        "K11 list validations: answer passed",
        (Wire(CREATE_VALIDATION, WirePoint.ANSWERING), Wire(LIST_VALIDATIONS, WirePoint.ANSWERED)),
        hears_webhooks=False,
    ),
)
BY_NAME = {point.name: point for point in (*COMMITS, *WIRE)}
