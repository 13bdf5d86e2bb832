"""Every fault and all its runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import zip_longest
from random import Random

from e2e.bench.matrix.faults import Fault
from e2e.bench.matrix.faults_api import API_FAULTS
from e2e.bench.matrix.faults_database import DATABASE_FAULTS
from e2e.bench.matrix.faults_endings import ENDING_FAULTS
from e2e.bench.matrix.faults_network import NETWORK_FAULTS
from e2e.bench.matrix.faults_users import USER_FAULTS
from e2e.bench.matrix.faults_variants import VARIANT_FAULTS
from e2e.bench.matrix.faults_webhooks import WEBHOOK_FAULTS
from e2e.bench.matrix.journeys import JOURNEYS
from e2e.bench.matrix.points import BY_NAME

FAULTS = {
    fault.name: fault
    for fault in (
        *(*API_FAULTS, *NETWORK_FAULTS, *WEBHOOK_FAULTS, *DATABASE_FAULTS, *USER_FAULTS, *VARIANT_FAULTS),
        *ENDING_FAULTS,
    )
}
DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True, order=True)
class Case:
    """Names only, so that it can be pickled and typed by hand."""

    fault: str
    point: str
    database: str
    journey: str
    is_muted: bool

    def __str__(self) -> str:
        muted = ", without webhooks" if self.is_muted else ""
        return f"{self.fault} × {self.point} × {self.database} ({self.journey}{muted})"


def cases(*, seed: int, databases: tuple[str, ...] = DATABASES, only: str = "") -> list[Case]:
    """One for each fault, point and database whose name contains `only`."""
    every = [
        _case(fault, point, database, seed)
        for fault in FAULTS.values()
        for point in fault.points
        for database in databases
        if database in fault.databases
    ]
    return [case for case in every if only in str(case)]


def sample(every: list[Case], size: int | None, seed: int) -> list[Case]:
    """Each fault once, on the databases in turn, before any is repeated."""
    if size is None:
        return every
    random = Random(seed)
    shares: dict[str, list[Case]] = {}
    for case in every:
        shares.setdefault(case.fault, []).append(case)
    for number, share in enumerate(shares.values()):
        random.shuffle(share)
        share.sort(key=lambda case, first=number % 2: (case.database == "sqlite") == bool(first))
    order = list(shares.values())
    random.shuffle(order)
    rounds = zip_longest(*(_by_turns(share) for share in order))
    return [case for one_round in rounds for case in one_round if case][:size]


def _by_turns(share: list[Case]) -> list[Case]:
    first = [case for case in share if case.database == share[0].database]
    other = [case for case in share if case.database != share[0].database]
    return [case for pair in zip_longest(first, other) for case in pair if case]


def _case(fault: Fault, point_name: str, database: str, seed: int) -> Case:
    point = BY_NAME[point_name]
    number = int.from_bytes(hashlib.sha256(f"{seed} {fault.name} {point_name} {database}".encode()).digest()[:4])
    journeys = [name for name in point.journeys if _fits(fault, name)]
    chosen = bool(number & 1) if fault.is_muted is None else fault.is_muted
    muted = point.is_muted or (chosen and not point.is_heard)
    return Case(fault.name, point_name, database, journeys[number // 2 % len(journeys)], muted)


def _fits(fault: Fault, journey: str) -> bool:
    """False if an early stop would hide the fault, or if both set the same switch of the mock."""
    if fault.lasts and journey == "stop early":
        return False
    return not (set(JOURNEYS[journey].variant) & set(fault.variant))
