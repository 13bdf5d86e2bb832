"""Kills one replica with SIGKILL at random instants and starts it again at once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from e2e.servers import Server

GROUP, WORKER, SERVER, STARTING = "whole group", "one worker", "server without workers", "while it starts"
_WORKERS_BACK = 30.0
_TRIES = 3
_TOLD_EVERY = 100


@dataclass(frozen=True, slots=True)
class Kill:
    how: str
    at: float
    back_after: float
    """Seconds until the replica answered again, with all its workers."""


@dataclass
class KillLog:
    """Shared by all killers of a run."""

    wanted: int
    began: float = field(default_factory=time.monotonic)
    kills: list[Kill] = field(default_factory=list)
    begun: int = 0
    crash_loops: int = 0
    """Number of servers that gave up; granian does if a worker ends twice within a few seconds."""
    ended: list[str] = field(default_factory=list)
    """The kill after which a server did not start, had no new worker, or ended without a reason."""

    def may_take_one(self) -> bool:
        self.begun += 1
        return self.begun <= self.wanted

    def record(self, kill: Kill) -> None:
        self.kills.append(kill)
        if len(self.kills) % _TOLD_EVERY == 0:
            print(f"{len(self.kills)} kills in {time.monotonic() - self.began:.0f} s", flush=True)


class RandomKiller:
    def __init__(self, server: Server, workers: int, chance: random.Random, log: KillLog, longest_life: float) -> None:
        self._server = server
        self._workers = workers
        self._chance = chance
        self._log = log
        self._longest_life = longest_life
        self._last = ""
        self.groups: set[int] = set()
        """Process groups of servers that were killed without their workers."""

    async def run(self) -> None:
        """The replica must be up before and is up afterwards."""
        while self._log.may_take_one():
            await asyncio.sleep(self._chance.uniform(0, self._longest_life))
            if self._has_ended():
                await self._restart_ended()
            self._last = self._chosen()
            began = time.monotonic()
            if self._last == WORKER:
                await self._kill_a_worker()
            else:
                self._kill_server(alone=self._last == SERVER)
                if self._last == STARTING:
                    began = await self._kill_while_starting()
                await self._start()
            self._log.record(Kill(self._last, began, time.monotonic() - began))

    def _chosen(self) -> str:
        shares = {GROUP: 4, STARTING: 1, SERVER: 1} | ({WORKER: 4} if self._workers > 1 else {})
        return self._chance.choices(list(shares), list(shares.values()))[0]

    def _kill_server(self, *, alone: bool) -> None:
        process = self._server.process
        if alone and process:
            self.groups.add(process.pid)  # its workers must notice by themselves
            process.kill()
            process.wait()
        self._server.kill()

    async def _kill_while_starting(self) -> float:
        self._server.launch()
        await asyncio.sleep(self._chance.uniform(0, 0.8))
        began = time.monotonic()
        self._server.kill()
        return began

    async def _start(self) -> None:
        for _ in range(_TRIES):
            try:
                return await asyncio.to_thread(self._server.start)
            except RuntimeError as problem:
                print(f"after the kill of {self._last}: {problem}", flush=True)
                self._log.ended.append(self._last)
                self._server.kill()
        raise RuntimeError(f"{self._server.url} cannot be started any more")

    async def _kill_a_worker(self) -> None:
        before = children(self._pid)
        if before:
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(before), signal.SIGKILL)
        deadline = time.monotonic() + _WORKERS_BACK
        while not self._has_ended():
            now = children(self._pid)
            if len(now) == self._workers and set(now) != set(before):
                return
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.02)
        await self._restart_ended()

    async def _restart_ended(self) -> None:
        if self._last == WORKER and self._has_ended():
            self._log.crash_loops += 1
        else:
            self._log.ended.append(self._last)
        self._server.kill()
        await self._start()

    @property
    def _pid(self) -> int:
        return self._server.process.pid if self._server.process else 0

    def _has_ended(self) -> bool:
        return self._server.process is None or self._server.process.poll() is not None


def children(pid: int) -> list[int]:
    """Child processes of a running process, without zombies."""
    with suppress(FileNotFoundError, ProcessLookupError):
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in listed if not _is_gone(int(child))]
    return []


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return True


def still_there(groups: set[int]) -> set[int]:
    """The process groups that still have a process."""
    left = set()
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, 0)
            left.add(group)
    return left
