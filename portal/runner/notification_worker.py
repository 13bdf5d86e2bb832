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
from portal.domain.timings import Timings
from portal.runner.polling_worker import PollingWorker
from portal.services.notification import DeliveryResult, Event, NotificationEndpoint
from portal.services.ports import Clock, Meter, Notifier, Outbox
from portal.services.signatures import signed_headers

log = logging.getLogger(__name__)

NOT_LISTENING = timedelta(hours=1)
"""How long events wait for a partner that is switched off or has no address for them any more."""


class NotificationWorker(PollingWorker):
    def __init__(
        self,
        outbox: Outbox,
        notifier: Notifier,
        notification_endpoints: Callable[[], Mapping[str, NotificationEndpoint]],
        *,
        clock: Clock,
        timings: Timings,
        meter: Meter,
        lane: int = 4,
    ) -> None:
        """`notification_endpoints`: the current ones by partner slug. `lane`: deliveries to one partner at a time."""
        super().__init__(timings)
        self._outbox = outbox
        self._notifier = notifier
        self._endpoints = notification_endpoints
        self._clock = clock
        self._meter = meter
        self._lane = lane
        self._under_way: Counter[str] = Counter()

    async def _start_due(self) -> int:
        self._pause = self._timings.idle
        now, notification_endpoints, started = self._clock(), self._endpoints(), 0
        try:
            if notification_endpoints and self._is_due(await asyncio.to_thread(self._outbox.next_due, now), now):
                for partner in await asyncio.to_thread(self._outbox.due_partners, now):
                    started += await self._start_for(partner, notification_endpoints.get(partner), now)
        except StoreUnavailable:
            pass  # the database's own log line says so, and the next round tries again
        return started

    async def _start_for(self, partner: str, endpoint: NotificationEndpoint | None, now: datetime) -> int:
        if endpoint is None:
            until = now + NOT_LISTENING
            await asyncio.to_thread(self._outbox.postpone_all, partner, now=now, until=until, outcome="not listening")
            return 0
        room = self._lane - self._under_way[partner]
        if room <= 0:
            return 0
        lease_until = now + timedelta(seconds=self._timings.notification_lease)
        claim = partial(self._outbox.claim, partner, now=now, lease_until=lease_until, limit=room)
        return await self._claim(claim, lambda event: self._take_lane(endpoint, event))

    def _take_lane(self, endpoint: NotificationEndpoint, event: Event) -> None:
        self._under_way[event.partner] += 1
        self._start(self._notify(endpoint, event)).add_done_callback(lambda _: self._leave_lane(event.partner))

    def _leave_lane(self, partner: str) -> None:
        self._under_way[partner] -= 1

    async def _notify(self, endpoint: NotificationEndpoint, event: Event) -> None:
        now = self._clock()
        left = event.lease_until - now if event.lease_until else timedelta()
        if left < timedelta(seconds=self._timings.notification_lease / 2):
            return  # somebody else may begin before we have ended
        body = event.body
        headers = signed_headers(event.id, int(now.timestamp()), body, endpoint.secrets)
        try:
            await self._settle(event, await self._sent(endpoint, body, headers, event))
        except StoreUnavailable:
            log.warning("event %s: what came of it could not be kept; it is sent again", event.id)
        except asyncio.CancelledError:
            await asyncio.to_thread(self._release, event)
            raise

    async def _sent(
        self, endpoint: NotificationEndpoint, body: bytes, headers: dict[str, str], event: Event
    ) -> DeliveryResult:
        try:
            return await self._notifier.send(endpoint.url, body, headers)
        except Exception:
            log.exception("event %s: sending failed", event.id)
            return DeliveryResult(fault="unexpected")

    async def _settle(self, event: Event, answer: DeliveryResult) -> None:
        verdict, wait = self._verdict(event, answer)
        if verdict == "delivered":
            await self._save(lambda: self._outbox.delivered(event, now=self._clock(), outcome=answer.outcome))
        else:
            due_at = self._clock() + wait if wait else None
            level = logging.ERROR if due_at is None else logging.WARNING
            log.log(level, "event %s to partner %s %s: %s", event.id, event.partner, verdict, answer.outcome)
            await self._save(lambda: self._outbox.retry_later(event, due_at=due_at, outcome=answer.outcome))
        self._meter.count("told", partner=event.partner, outcome=verdict)

    def _verdict(self, event: Event, answer: DeliveryResult) -> tuple[str, timedelta | None]:
        """And how long to wait before the next try, if there is one."""
        if answer.is_success:
            return "delivered", None
        if answer.is_gone:
            return "gone", None
        wait = self._timings.notify_after(event.attempts + 1, answer.retry_after)
        return "put_off" if wait else "given_up", wait

    async def _save(self, write: Callable[[], None]) -> None:
        for pause in self._timings.save_again:
            try:
                await asyncio.to_thread(write)
                return
            except StoreUnavailable:
                await asyncio.sleep(pause)
        await asyncio.to_thread(write)

    def _release(self, event: Event) -> None:
        try:
            self._outbox.release(event)
        except StoreUnavailable:
            log.warning("event %s could not be handed back; it is sent again after its lease", event.id)
