"""Wakes a worker from any thread, and the same worker of other processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


class Wake:
    """Without a worker in this process, as in a command, it wakes those of others."""

    def __init__(
        self, notify_others: Callable[[], None] = lambda: None, hears_others: Callable[[], bool] = lambda: False
    ) -> None:
        """`hears_others`: whether this process is woken by others at the moment."""
        self.notify_others = notify_others
        self.hears_others = hears_others
        self._listener: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def __call__(self) -> None:
        if self._listener:
            self.this_process()
        else:
            self.notify_others()

    def this_process(self) -> None:
        """Does nothing while no worker listens: a worker looks for work when it starts."""
        if self._listener:
            loop, event = self._listener
            with contextlib.suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(event.set)

    def listen(self, event: asyncio.Event) -> None:
        """Sets `event` at each call, in the running loop."""
        self._listener = (asyncio.get_running_loop(), event)
