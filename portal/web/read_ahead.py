"""What polls need of the database, read on the event loop: once for all that come in the same turn of it.

Under load the turns are longer, so that more polls share a read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from portal.domain.errors import WouldBlock
from portal.services.ports import PollState
from portal.web.applicant.cacheable_pages import asked_for
from portal.web.context import Portal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class ReadAhead:
    def __init__(self, here: Portal) -> None:
        self._here = here
        self._waiting: dict[str, list[asyncio.Future[PollState | None]]] = {}
        """By id of the onboarding."""

    async def __call__(self, environ: WSGIEnvironment) -> PollState | None:
        """None if the request needs none, or there is none that can be read at once."""
        asked = asked_for(environ, self._here)
        if asked is None:
            return None
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._read)
        read: asyncio.Future[PollState | None] = loop.create_future()
        self._waiting.setdefault(asked.link.onboarding_id, []).append(read)
        return await read

    def _read(self) -> None:
        waiting, self._waiting = self._waiting, {}
        found: Mapping[str, PollState] = {}
        try:
            found = self._here.poll_states_nonblocking(list(waiting))
        except WouldBlock:
            pass
        finally:
            for onboarding_id, reads in waiting.items():
                for read in reads:
                    if not read.cancelled():
                        read.set_result(found.get(onboarding_id))
