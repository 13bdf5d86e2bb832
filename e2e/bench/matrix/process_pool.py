"""Runs in parallel: a few processes with several rigs each, because a run mostly waits."""

from __future__ import annotations

import gc
import multiprocessing
import queue
import traceback
from collections.abc import Iterator
from multiprocessing.queues import Queue
from threading import Thread

from e2e.bench.matrix.catalogue import Case
from e2e.bench.matrix.databases import Databases
from e2e.bench.matrix.findings import LOST, Findings
from e2e.bench.matrix.trial import Result, keep_log, try_out

RIGS = 5
"""Per process."""
_SILENCE = 400.0


def results_of(cases: list[Case], databases: Databases, *, processes: int, patience: float) -> Iterator[Result]:
    """As they come."""
    context = multiprocessing.get_context("spawn")
    todo: Queue[Case | None] = context.Queue()
    done: Queue[Result] = context.Queue()
    for case in (*cases, *[None] * processes * RIGS):
        todo.put(case)
    workers = [
        context.Process(target=_work, args=(todo, done, databases, patience), daemon=True) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    try:
        for _ in cases:
            yield _next(done)
    finally:
        todo.cancel_join_thread()
        for worker in workers:
            worker.join(timeout=10)
            worker.kill()


def _next(done: Queue[Result]) -> Result:
    try:
        return done.get(timeout=_SILENCE)
    except queue.Empty:
        raise RuntimeError(f"no run ended for {_SILENCE:.0f} seconds") from None


def _work(todo: Queue[Case | None], done: Queue[Result], databases: Databases, patience: float) -> None:
    keep_log()
    # Imported modules stay: collecting them again would stop every rig for longer than gu1's timeout.
    gc.freeze()
    threads = [Thread(target=_try_all, args=(todo, done, databases, patience)) for _ in range(RIGS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _try_all(todo: Queue[Case | None], done: Queue[Result], databases: Databases, patience: float) -> None:
    while (case := todo.get()) is not None:
        done.put(_tried(case, databases, patience))


def _tried(case: Case, databases: Databases, patience: float) -> Result:
    try:
        return try_out(case, databases, patience)
    except Exception:  # the other runs must continue
        findings = Findings()
        findings.add(LOST, f"the run itself failed:\n{traceback.format_exc()}")
        return Result(case, findings, has_struck=False, seconds=None, took=0.0)
