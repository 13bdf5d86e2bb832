"""SIGKILL at a commit: a process of the portal kills its own group right before or after it.

`commit_kinds.py` lists the kinds of commits. The nth commit of that kind after the plan was made kills, once.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from e2e.bench.commit_kinds import CommitListener
from e2e.servers import Server

KILL_FILE = "BENCH_KILL_FILE"


def plan_kill(server: Server, when: str, kind: str, nth: int = 1) -> None:
    """`when`: before or after."""
    _write(Path(server.env[KILL_FILE]), f"{when} {kind} {nth}")


def cancel_kill(server: Server) -> None:
    Path(server.env[KILL_FILE]).unlink(missing_ok=True)


def await_kill(server: Server, within: float = 20.0) -> bool:
    """Whether the kill happened; the server can be started again afterwards."""
    deadline = time.monotonic() + within
    while server.process is not None and server.process.poll() is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    server.kill()
    return True


class CommitKiller:
    def __init__(self, path: Path) -> None:
        self._path = path

    def listen(self) -> None:
        CommitListener(self._path.exists, self.told).listen()

    def told(self, when: str, kinds: Sequence[set[str]]) -> None:
        """`kinds`: of each change that is committed."""
        try:
            planned, wanted, left = self._path.read_text().split()
        except FileNotFoundError:
            return
        matching = [wanted in those for those in kinds].count(True)
        if planned != when or not matching:
            return
        if int(left) > matching:
            _write(self._path, f"{planned} {wanted} {int(left) - matching}")
            return
        self._path.unlink(missing_ok=True)
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)
