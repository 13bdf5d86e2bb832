"""A hundred replicas against gu1's limits, simulated: their real limits of calls and the real hourly budget.

    python -m e2e.bench.many_replicas

Deterministic, and over in seconds: the clock is simulated, and gu1 is a number of calls a second, 429 beyond it.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from e2e.bench.command import run_command
from portal.gu1.call_limit import CallLimit
from portal.services.budget import Budget

TICK = 0.1
LATENCY = 3
"""Ticks that gu1 takes to answer."""
CALLS_EACH = 4
LONGEST_BACKOFF = 60.0
"""Seconds until a refused call is sent again: one, two, four, and no more than this."""
PROCESSES = 100
SECONDS = 120
START = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Process:
    limit: CallLimit
    waiting: deque[tuple[int, int]] = field(default_factory=deque)
    """Onboardings: the calls that each still needs, and how often gu1 refused its next one."""
    under_way: list[tuple[int, int]] = field(default_factory=list)
    """(tick at which gu1 answers, calls still needed afterwards)."""
    put_off: list[tuple[int, tuple[int, int]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    finished: float
    """Onboardings a second, over the second half of the time."""
    refused: float
    """Share of calls that gu1 answered with 429."""
    at_once: float
    """Calls that one process allows itself at the end."""


def simulated(*, ceiling: int, allowed: float, offered: float, processes: int = PROCESSES) -> Outcome:
    """`allowed`: calls a second that gu1 takes; `offered`: new onboardings a second."""
    ticks, now = int(SECONDS / TICK), [0.0]
    fleet = [Process(CallLimit(ceiling, clock=lambda: now[0])) for _ in range(processes)]
    begun = finished = sent = refused = 0
    room = 0.0
    for tick in range(ticks):
        now[0] = tick * TICK
        room = min(allowed, room + allowed * TICK)
        while begun < offered * now[0]:
            fleet[begun % processes].waiting.append((CALLS_EACH, 0))
            begun += 1
        # Another one begins each time, so that no process is always the first to find room.
        for at in range(processes):
            process = fleet[(at + tick) % processes]
            done = [it for it in process.under_way if it[0] <= tick]
            process.under_way = [it for it in process.under_way if it[0] > tick]
            for _, left in done:
                process.limit.answered()
                if left:
                    process.waiting.appendleft((left, 0))  # whoever began is finished before others begin
                elif tick >= ticks / 2:
                    finished += 1
            process.waiting.extendleft(it for due, it in process.put_off if due <= tick)
            process.put_off = [it for it in process.put_off if it[0] > tick]
            while process.waiting and len(process.under_way) < process.limit.current:
                left, times = process.waiting.popleft()
                sent += 1
                if room >= 1:
                    room -= 1
                    process.under_way.append((tick + LATENCY, left - 1))
                else:
                    refused += 1
                    process.limit.throttled()
                    pause = int(min(LONGEST_BACKOFF, 2.0**times) / TICK)
                    process.put_off.append((tick + pause, (left, times + 1)))
    at_once = sum(it.limit.current for it in fleet) / processes
    return Outcome(finished / (SECONDS / 2), refused / max(1, sent), at_once)


class _Shared:
    """What the database keeps for all of them."""

    def __init__(self, watched: int) -> None:
        self.used = 0
        self._watched = watched

    def spend(self, _hour: datetime, limit: int) -> bool:
        if self.used >= limit:
            return False
        self.used += 1
        return True

    def spent(self, _hour: datetime) -> int:
        return self.used

    def count_watched(self, _since: datetime) -> int:
        return self._watched


@dataclass(frozen=True, slots=True)
class Hour:
    reads: int
    watched: int
    """How many of the reads were for somebody at their page."""
    pause: float
    """Seconds between two reads of one watched onboarding, on average."""


def an_hour(*, limit: int, watched: int, unwatched: int, shortest: float = 5.0) -> Hour:
    """All replicas together, each onboarding read as often as the budget lets it."""
    shared, now = _Shared(watched), [START]
    budget = Budget(cast(Any, shared), cast(Any, shared), limit, lambda: now[0])
    due = [(START + timedelta(seconds=it * shortest / watched), True) for it in range(watched)]
    due += [(START + timedelta(seconds=it * 30 / unwatched), False) for it in range(unwatched)]
    reads = {True: 0, False: 0}
    queue = sorted(due)
    end = START + timedelta(hours=1)
    while queue and queue[0][0] < end:
        now[0], is_watched = queue.pop(0)
        wait = budget.take(watched=is_watched)
        if wait is None:
            reads[is_watched] += 1
            wait = max(timedelta(seconds=shortest), budget.least_interval()) if is_watched else timedelta(seconds=30)
        insort(queue, (now[0] + max(wait, timedelta(seconds=1)), is_watched))
    return Hour(sum(reads.values()), reads[True], 3600 * watched / max(1, reads[True]))


def tables() -> str:
    lines = [
        "| calls that gu1 takes | `GU1_CONCURRENCY` | onboardings offered | finished | 429 | calls at once, each |"
    ]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for allowed in (50.0, 500.0):
        for ceiling in (200, 16, 2):
            offered = allowed / CALLS_EACH * 1.5
            it = simulated(ceiling=ceiling, allowed=allowed, offered=offered)
            lines.append(
                f"| {allowed:.0f}/s | {ceiling} | {offered:.1f}/s | {it.finished:.1f}/s | {it.refused:.0%} "
                f"| {it.at_once:.1f} |"
            )
    lines += [
        "",
        "| `GU1_HOURLY_BUDGET` | people at their page | others | reads | of these for people | seconds between |",
    ]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for limit, watched, unwatched in ((100, 5, 20), (1_000, 100, 500), (10_000, 100, 500)):
        hour = an_hour(limit=limit, watched=watched, unwatched=unwatched)
        lines.append(f"| {limit:,} | {watched} | {unwatched} | {hour.reads:,} | {hour.watched:,} | {hour.pause:,.0f} |")
    return "\n".join(lines)


def main() -> None:
    print(tables())


if __name__ == "__main__":
    run_command(main)
