"""An event loop for tests whose threads would only wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _OneThreadLoop(asyncio.SelectorEventLoop):
    def run_in_executor(self, _executor: object, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Done when it returns."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


def run_in_one_thread(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, but what a coroutine leaves to another thread runs in this one."""
    with asyncio.Runner(loop_factory=_OneThreadLoop) as runner:
        return runner.run(coroutine)
