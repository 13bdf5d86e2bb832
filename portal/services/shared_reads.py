"""Reads for all who wait at the same time, by one thread: to hand a read to a thread costs more than most reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class SharedReads(Generic[Key, Value]):
    """Of one event loop at a time."""

    def __init__(self, read: Callable[[Sequence[Key]], Sequence[Value]]) -> None:
        """`read`: the values of the keys, in their order; it waits for the database."""
        self._read = read
        self._waiting: list[tuple[Key, asyncio.Future[Value]]] = []
        self._reading: asyncio.Task[None] | None = None

    async def of(self, key: Key) -> Value:
        """Read after this was called. Raises what the read raises."""
        value: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, value))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all())
        return await value

    async def _read_all(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                values = await asyncio.to_thread(self._read, [key for key, _ in waiting])
            except Exception as error:
                for _, value in waiting:
                    if not value.done():
                        value.set_exception(error)
            else:
                for (_, value), found in zip(waiting, values, strict=True):
                    if not value.done():
                        value.set_result(found)
