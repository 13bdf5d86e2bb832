"""Wakes a worker from any thread."""

from __future__ import annotations

import asyncio
import contextlib


class Wake:
    """Does nothing while no worker listens: a worker looks for work when it starts."""

    def __init__(self) -> None:
        self._listener: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def __call__(self) -> None:
        if self._listener:
            loop, event = self._listener
            with contextlib.suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(event.set)

    def listen(self, event: asyncio.Event) -> None:
        """Sets `event` at each call, in the running loop."""
        self._listener = (asyncio.get_running_loop(), event)
