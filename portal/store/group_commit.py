"""Changes of single onboardings that wait at the same time share a transaction: its commit, and most of its statements.

One thread of a process makes them. What comes meanwhile waits for the next transaction, so the more there is to do, the
less each change costs. A change whose row somebody else has locked is made alone, by another thread, and keeps nobody
waiting. If one fails, nothing of the transaction is kept, and each of its changes is made anew, alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from portal.domain.errors import PortalError, StoreUnavailable
from portal.store.database_errors import WriteRefused
from portal.store.locked_onboarding import LockedRow

_MOST = 32
"""Changes in a transaction, so that nobody waits long for a lock."""
_FOR_OTHERS = 0.001
"""Seconds before the next transaction after one that was shared: whoever was answered comes again right then."""
_THREADS = 8

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowChange:
    onboarding_id: str | None = None
    gu1_id: str | None = None
    """Of a validation whose onboarding is meant, if that is not named itself."""
    make: Callable[[LockedRow], Any]
    context: Context = field(default_factory=copy_context)
    result: Future[Any] = field(default_factory=Future)

    def run(self, row: LockedRow) -> Any:
        return self.context.run(self.make, row)


class GroupCommit:
    def __init__(
        self,
        together: Callable[[Sequence[RowChange]], Sequence[RowChange]],
        alone: Callable[[RowChange], Any],
    ) -> None:
        """`together`: makes changes, says so in their results, and returns those whose rows are locked elsewhere.

        `alone`: makes one that waits for its row.
        """
        self._together = together
        self._alone = alone
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="changes")
        self._lock = Lock()
        self._waiting: list[RowChange] = []
        self._is_running = False

    def submit(self, change: RowChange) -> Future[Any]:
        """Raises `RuntimeError` once the interpreter ends."""
        with self._lock:
            if not self._is_running:
                self._threads.submit(self._make_all)
            self._is_running = True
            self._waiting.append(change)
        return change.result

    def _make_all(self) -> None:
        while waiting := self._next():
            changes = [it for it in waiting if it.result.set_running_or_notify_cancel()]
            if changes:
                self._make(changes)
            if len(changes) > 1:
                time.sleep(_FOR_OTHERS)

    def _next(self) -> list[RowChange]:
        with self._lock:
            changes, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            self._is_running = bool(changes)
        return changes

    def _make(self, changes: Sequence[RowChange]) -> None:
        try:
            left = self._together(changes)
        except BaseException as error:
            if isinstance(error, StoreUnavailable) and not isinstance(error, WriteRefused):
                for change in changes:
                    change.result.set_exception(error)
                return
            if not isinstance(error, PortalError):
                log.exception("%d changes failed together; each is made alone", len(changes))
            for change in changes:
                if not change.result.done():
                    self._make_alone(change)
        else:
            for change in left:
                self._threads.submit(self._make_alone, change)

    def _make_alone(self, change: RowChange) -> None:
        try:
            change.result.set_result(self._alone(change))
        except BaseException as error:
            change.result.set_exception(error)
