"""What polls and webhooks need of the database, read on the event loop: once for all of the same turn of it.

Under load the turns are longer, so that more requests share a read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from portal.domain.errors import WouldBlock
from portal.web.applicant.cacheable_pages import asked_for
from portal.web.context import Portal
from portal.web.webhook.on_the_loop import DELIVERY, REPEATED, signed_delivery

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

T = TypeVar("T")


class ReadAhead:
    def __init__(self, here: Portal) -> None:
        self._here = here
        self._polls = _SharedRead(here.poll_states_nonblocking)
        self._webhooks = _SharedRead(here.webhooks.repeated_nonblocking)

    async def __call__(self, environ: WSGIEnvironment) -> object:
        """None if the request needs none, or there is none that can be read at once."""
        asked = asked_for(environ, self._here)
        if asked:
            return await self._polls.of(asked.link.onboarding_id)
        delivery = signed_delivery(environ, self._here)
        if delivery is None:
            return None
        is_repeated = await self._webhooks.of(delivery.fingerprint)
        if is_repeated is None:
            return None
        delivery.outcome = REPEATED if is_repeated else None
        environ[DELIVERY] = delivery
        return delivery


class _SharedRead(Generic[T]):
    """One read for all that ask in the same turn of the loop."""

    def __init__(self, read: Callable[[Sequence[str]], Mapping[str, T]]) -> None:
        """`read`: the values that exist, by key. Raises `WouldBlock`."""
        self._read_all = read
        self._waiting: dict[str, list[asyncio.Future[T | None]]] = {}
        """By key."""

    def of(self, key: str) -> asyncio.Future[T | None]:
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._read)
        read: asyncio.Future[T | None] = loop.create_future()
        self._waiting.setdefault(key, []).append(read)
        return read

    def _read(self) -> None:
        waiting, self._waiting = self._waiting, {}
        found: Mapping[str, T] = {}
        try:
            found = self._read_all(list(waiting))
        except WouldBlock:
            pass
        finally:
            for key, reads in waiting.items():
                for read in reads:
                    if not read.cancelled():
                        read.set_result(found.get(key))
