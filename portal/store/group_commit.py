"""Changes of single onboardings that wait at the same time share a transaction: its commit, and most of its statements.

One thread of a process makes them. What comes meanwhile waits for the next transaction, so the more there is to do, the
less each change costs. A change whose row somebody else has locked is made alone by another thread, and keeps nobody
waiting. If the transaction fails, nothing of it is kept, and each of its changes is made anew, alone.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from portal.domain.errors import PortalError, StoreUnavailable
from portal.store.database_errors import WriteFailed
from portal.store.locked_onboarding import LockedRow

_MOST = 32
"""Changes in a transaction, so that nobody waits long for a lock."""
_GATHERING = 0.001
"""Seconds before the next transaction after a shared one: whoever was answered often comes again right then."""
_MOST_WAITING = 2000
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

    @property
    def key(self) -> str:
        return self.onboarding_id or self.gu1_id or ""

    def run(self, row: LockedRow) -> Any:
        return self.context.run(self.make, row)

    def fail(self, error: BaseException) -> None:
        with suppress(InvalidStateError):  # it was given up
            self.result.set_exception(error)


class GroupCommit:
    def __init__(
        self,
        together: Callable[[Sequence[RowChange]], Sequence[RowChange]],
        alone: Callable[[RowChange], Any],
    ) -> None:
        """`together`: makes changes, says so in their results, and returns those whose rows are locked elsewhere.

        `alone`: makes one that waits for its row, and returns its result.
        """
        self._together = together
        self._alone = alone
        self._group_thread = ThreadPoolExecutor(1, thread_name_prefix="changes")
        self._other_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="single-changes")
        self._lock = Lock()
        self._waiting: list[RowChange] = []
        self._is_running = False
        self._lone: dict[str, deque[RowChange]] = {}
        """By key: a row that stays locked takes one thread and no more."""

    def submit(self, change: RowChange) -> Future[Any]:
        """Raises `StoreUnavailable` if too many wait, and `RuntimeError` if there is no thread to be had."""
        with self._lock:
            if len(self._waiting) >= _MOST_WAITING:
                raise StoreUnavailable("too many changes wait for the database")
            if not self._is_running:
                self._group_thread.submit(self._make_all)
            self._is_running = True
            self._waiting.append(change)
        return change.result

    def _make_all(self) -> None:
        while waiting := self._next():
            changes = [it for it in waiting if it.result.set_running_or_notify_cancel()]
            try:
                if changes:
                    self._make(changes)
            except BaseException as error:
                log.exception("%d changes failed together", len(changes))
                for change in changes:
                    change.fail(error)
            if len(changes) > 1:
                time.sleep(_GATHERING)

    def _next(self) -> list[RowChange]:
        with self._lock:
            changes, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            self._is_running = bool(changes)
        return changes

    def _make(self, changes: Sequence[RowChange]) -> None:
        try:
            locked_elsewhere = self._together(changes)
        except Exception as error:
            if isinstance(error, StoreUnavailable) and not isinstance(error, WriteFailed):
                self._fail_all(changes, error)
                return
            if not isinstance(error, PortalError):
                log.exception("%d changes failed together; each is made alone", len(changes))
            self._make_each_alone(it for it in changes if not it.result.done())
        else:
            self._make_each_alone(locked_elsewhere)

    def _fail_all(self, changes: Sequence[RowChange], error: BaseException) -> None:
        """Also those that wait: each would wait for the database as long as these did."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for change in (*changes, *waiting):
            change.fail(error)

    def _make_each_alone(self, changes: Iterable[RowChange]) -> None:
        for change in changes:
            with self._lock:
                same_row = self._lone.setdefault(change.key, deque())
                same_row.append(change)
                if len(same_row) > 1:
                    continue
            try:
                self._other_threads.submit(self._make_alone, same_row)
            except RuntimeError as error:
                while same_row:
                    self._after_one(same_row).fail(error)

    def _make_alone(self, same_row: deque[RowChange]) -> None:
        while same_row:
            change = same_row[0]
            try:
                change.result.set_result(self._alone(change))
            except BaseException as error:
                change.fail(error)
            self._after_one(same_row)

    def _after_one(self, same_row: deque[RowChange]) -> RowChange:
        with self._lock:
            change = same_row.popleft()
            if not same_row:
                del self._lone[change.key]
        return change
