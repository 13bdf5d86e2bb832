"""Keeps the time until a page is ready from telling whether gu1 knew the number before.

Creating an entity at gu1 and taking over an existing one are not the same calls. So each of the two waits at least as
long as the other recently took: for a time drawn from those, if that is the longer. The later of the two is then
distributed alike, whatever gu1's latency is, and nobody waits for more than the slower way with one draw of bad luck.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable

REMEMBERED = 64
"""Of each way. Few, because gu1's latency changes by the hour."""
LONGEST_HOLD = 2.0
"""Seconds. One call that hung for long must not hold up those who come after it."""
_NOTICEABLE = 0.001


class EqualTimes:
    def __init__(self, monotonic: Callable[[], float] = time.monotonic, draw: random.Random | None = None) -> None:
        self.monotonic = monotonic
        self._draw = draw or random.SystemRandom()
        self._taken: dict[bool, deque[float]] = {known: deque(maxlen=REMEMBERED) for known in (True, False)}

    async def hold(self, began: float, *, was_known: bool) -> None:
        await asyncio.sleep(self.left(self.monotonic() - began, was_known=was_known))

    def left(self, taken: float, *, was_known: bool) -> float:
        """Seconds to wait after this way took `taken`."""
        own, other = self._taken[was_known], self._taken[not was_known]
        drawn = self._drawn(own, other)
        own.append(taken)
        left = min(drawn - taken, LONGEST_HOLD)
        return left if left > _NOTICEABLE else 0.0

    def _drawn(self, own: deque[float], other: deque[float]) -> float:
        """As long as the other way was hardly taken, mostly from this one: a single time would be recognised."""
        taken = other if self._draw.randrange(REMEMBERED // 4) < len(other) else own
        return self._draw.choice(taken) if taken else 0.0
