"""Kills at chosen points, one after another, and whether the applicant still reaches the right page."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from e2e.bench.applicant_pool import ApplicantPool, applicant_pool, count, judged
from e2e.bench.applicants import BY_NAME, POLL, Applicant, Lost
from e2e.bench.fleet import Fleet, fleet
from e2e.bench.kill_at_commit import await_kill, cancel_kill, plan_kill
from e2e.bench.points import Commit, Point, Wire
from e2e.bench.proxy import Proxy, proxying
from e2e.bench.report import Line
from e2e.pages.forms import onboarding_id
from tests.local_http import LOCAL
from tests.ports import free_port

FAULT = "SIGKILL at a point"
_PATIENCE = 60.0
_SOON = 30.0


def planned_kills(
    folder: Path, database: str, points: Sequence[Point], *, seed: int, times: int = 1, time_scale: float = 0.05
) -> list[Line]:
    """A line for each point."""
    gu1_port = free_port()
    with (
        proxying(f"http://127.0.0.1:{gu1_port}") as proxy,
        fleet(folder, database, time_scale=time_scale, gu1_port=gu1_port, gu1_url=proxy.url) as running,
    ):

        async def all_of_them() -> list[Line]:
            async with applicant_pool(running.urls, seed) as people:
                kills = _PlannedKills(running, proxy, people)
                return [await kills.run(point, times, database) for point in points]

        return asyncio.run(all_of_them())


class _PlannedKills:
    def __init__(self, running: Fleet, proxy: Proxy, people: ApplicantPool) -> None:
        self._running = running
        self._server = running.replicas[0]
        self._proxy = proxy
        self._people = people

    async def run(self, point: Point, times: int, database: str) -> Line:
        line = Line(FAULT, point.name, database)
        for _ in range(times):
            await self._kill_once(point, line)
        return line

    async def _kill_once(self, point: Point, line: Line) -> None:
        applicant = self._people.newcomer(BY_NAME[point.plan])
        self._hold_webhooks(not point.hears_webhooks)
        self._plan(point.kills[0])
        journey = asyncio.create_task(self._goes(applicant))
        killed_at = 0.0
        for following in (*point.kills[1:], None):
            if not await asyncio.to_thread(await_kill, self._server, _SOON):
                applicant.intent.problem = "nobody died there"
                cancel_kill(self._server)
                break
            killed_at = time.monotonic()
            if following:
                self._plan(following)
            await asyncio.to_thread(self._server.start)
        await asyncio.wait([journey], timeout=_PATIENCE)
        journey.cancel()
        self._hold_webhooks(False)
        await self._comes_right(applicant, line)
        if killed_at:
            line.seconds.append(_got_on(applicant, killed_at) - killed_at)

    def _plan(self, kill: Commit | Wire) -> None:
        if isinstance(kill, Commit):
            plan_kill(self._server, kill.when, kill.kind, kill.nth)
        else:
            self._proxy.at(kill.point, request=kill.request, do=self._kill, cut=True)

    def _kill(self) -> None:
        if self._server.process:
            os.killpg(self._server.process.pid, signal.SIGKILL)

    async def _goes(self, applicant: Applicant) -> None:
        try:
            await applicant.goes()
        except Lost as lost:
            applicant.intent.problem = str(lost)

    async def _comes_right(self, applicant: Applicant, line: Line) -> None:
        """Checks repeatedly until all is well or the time is over: a webhook may still be on its way."""
        intent, deadline = applicant.intent, time.monotonic() + _PATIENCE
        while True:
            with suppress(Lost):
                await applicant.looks()
            own = onboarding_id(intent.link or "") if intent.link else None
            rows = [row for row in self._running.ledger() if row["onboarding"] == own]
            faults = judged([intent], rows, self._people.door.bare)
            if not faults or intent.problem or time.monotonic() > deadline:
                break
            await asyncio.sleep(POLL)
        line.runs += 1
        count(line, faults)
        self._people.door.bare.clear()

    def _hold_webhooks(self, held: bool) -> None:
        with httpx.Client(base_url=f"{self._running.gu1.url}/_mock", **LOCAL) as mock:
            mock.post("/webhooks", json={"hold": held}).raise_for_status()
            if not held:
                mock.post("/webhooks/release", json={}).raise_for_status()


def _got_on(applicant: Applicant, killed_at: float) -> float:
    """When the applicant took the next step, or reached the end if there was no further step."""
    later = [moment for moment, _ in applicant.intent.milestones if moment > killed_at]
    return min(later, default=time.monotonic())
