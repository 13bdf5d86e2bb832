"""The background loop that tells partners' backends what happened: each event until its backend has taken it.

A try begins with a claim (a lease) and ends with one write. A process that dies in between loses nothing: the
lease runs out, and the event is sent again under the same id. Each partner has a lane of its own, so that a
backend that hangs holds nobody else up.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from portal.domain.errors import StoreUnavailable
from portal.services.notifications import Answer, Event, Listener
from portal.services.pace import Pace
from portal.services.ports import Clock, Courier, Meter, Outbox
from portal.services.rounds import Rounds
from portal.services.signatures import signed_headers

log = logging.getLogger(__name__)

NOT_LISTENING = timedelta(hours=1)
"""How long events wait for a partner that is switched off or has no address for them any more."""


class Telling(Rounds):
    def __init__(
        self,
        outbox: Outbox,
        courier: Courier,
        listeners: Callable[[], Mapping[str, Listener]],
        *,
        clock: Clock,
        pace: Pace,
        meter: Meter,
        lane: int = 4,
    ) -> None:
        """`listeners`: by their slugs, as they are just now. `lane`: how many events one partner is sent at once."""
        super().__init__(pace)
        self._outbox = outbox
        self._courier = courier
        self._listeners = listeners
        self._clock = clock
        self._meter = meter
        self._lane = lane
        self._under_way: Counter[str] = Counter()

    async def _start_due(self) -> int:
        self._pause = self._pace.idle
        now, listeners, started = self._clock(), self._listeners(), 0
        try:
            if listeners and self._is_due(await asyncio.to_thread(self._outbox.next_due, now), now):
                for partner in await asyncio.to_thread(self._outbox.due_partners, now):
                    started += await self._start_for(partner, listeners.get(partner), now)
        except StoreUnavailable:
            pass  # the database's own log line says so, and the next round tries again
        return started

    async def _start_for(self, partner: str, listener: Listener | None, now: datetime) -> int:
        if listener is None:
            until = now + NOT_LISTENING
            await asyncio.to_thread(self._outbox.shelve, partner, now=now, until=until, outcome="not listening")
            return 0
        room = self._lane - self._under_way[partner]
        if room <= 0:
            return 0
        lease_until = now + timedelta(seconds=self._pace.telling_lease)
        claim = partial(self._outbox.claim, partner, now=now, lease_until=lease_until, limit=room)
        return await self._claim(claim, lambda event: self._take_lane(listener, event))

    def _take_lane(self, listener: Listener, event: Event) -> None:
        self._under_way[event.partner] += 1
        self._start(self._tell(listener, event)).add_done_callback(lambda _: self._leave_lane(event.partner))

    def _leave_lane(self, partner: str) -> None:
        self._under_way[partner] -= 1

    async def _tell(self, listener: Listener, event: Event) -> None:
        now = self._clock()
        left = event.lease_until - now if event.lease_until else timedelta()
        if left < timedelta(seconds=self._pace.telling_lease / 2):
            return  # somebody else may begin before we have ended
        body = event.body
        headers = signed_headers(event.id, int(now.timestamp()), body, listener.secrets)
        try:
            await self._settle(event, await self._sent(listener, body, headers, event))
        except StoreUnavailable:
            log.warning("event %s: what came of it could not be kept; it is sent again", event.id)
        except asyncio.CancelledError:
            await asyncio.to_thread(self._hand_back, event)
            raise

    async def _sent(self, listener: Listener, body: bytes, headers: dict[str, str], event: Event) -> Answer:
        try:
            return await self._courier.send(listener.url, body, headers)
        except Exception:
            log.exception("event %s: sending failed", event.id)
            return Answer(fault="unexpected")

    async def _settle(self, event: Event, answer: Answer) -> None:
        verdict, wait = self._verdict(event, answer)
        if verdict == "delivered":
            await self._save(lambda: self._outbox.delivered(event, now=self._clock(), outcome=answer.outcome))
        else:
            due_at = self._clock() + wait if wait else None
            level = logging.ERROR if due_at is None else logging.WARNING
            log.log(level, "event %s to partner %s %s: %s", event.id, event.partner, verdict, answer.outcome)
            await self._save(lambda: self._outbox.put_off(event, due_at=due_at, outcome=answer.outcome))
        self._meter.count("told", partner=event.partner, outcome=verdict)

    def _verdict(self, event: Event, answer: Answer) -> tuple[str, timedelta | None]:
        """And how long to wait before the next try, if there is one."""
        if answer.is_success:
            return "delivered", None
        if answer.is_gone:
            return "gone", None
        wait = self._pace.tell_after(event.attempts + 1, answer.retry_after)
        return "put_off" if wait else "given_up", wait

    async def _save(self, write: Callable[[], None]) -> None:
        for pause in self._pace.save_again:
            try:
                await asyncio.to_thread(write)
                return
            except StoreUnavailable:
                await asyncio.sleep(pause)
        await asyncio.to_thread(write)

    def _hand_back(self, event: Event) -> None:
        try:
            self._outbox.hand_back(event)
        except StoreUnavailable:
            log.warning("event %s could not be handed back; it is sent again after its lease", event.id)
