"""Delivers notifications to partners' backends, and retries each until it is accepted.

A try starts with a claim (a lease) and ends with one write. If the process dies in between, nothing is lost:
the lease expires, and the event is sent again with the same id. Each partner has its own limit of parallel
deliveries, so a backend that hangs delays no other partner.
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
from portal.runner.wake import Wake
from portal.services.meter import Meter
from portal.services.notification import DeliveryResult, Event, NotificationEndpoint
from portal.services.ports import Clock, Notifier, Outbox
from portal.services.signatures import signed_headers

log = logging.getLogger(__name__)

NO_ENDPOINT_PAUSE = timedelta(hours=1)
"""Pause for the events of a partner that is disabled or has no notify_url any more."""


class NotificationWorker(PollingWorker):
    def __init__(
        self,
        outbox: Outbox,
        notifier: Notifier,
        endpoints: Callable[[], Mapping[str, NotificationEndpoint]],
        *,
        clock: Clock,
        timings: Timings,
        meter: Meter,
        wake: Wake | None = None,
        limit_per_partner: int = 4,
    ) -> None:
        """`endpoints`: the current ones by partner slug. `limit_per_partner`: parallel deliveries to one partner."""
        super().__init__(timings, wake)
        self._outbox = outbox
        self._notifier = notifier
        self._endpoints = endpoints
        self._clock = clock
        self._meter = meter
        self._limit_per_partner = limit_per_partner
        self._in_progress: Counter[str] = Counter()

    async def _start_due(self) -> int:
        self._pause = self._idle()
        now, endpoints, started = self._clock(), self._endpoints(), 0
        try:
            if endpoints and self._is_due(await asyncio.to_thread(self._outbox.next_due, now), now):
                for partner in await asyncio.to_thread(self._outbox.due_partners, now):
                    started += await self._start_for(partner, endpoints.get(partner), now)
        except StoreUnavailable:
            pass  # the store has logged it; the next round tries again
        return started

    async def _start_for(self, partner: str, endpoint: NotificationEndpoint | None, now: datetime) -> int:
        if endpoint is None:
            until = now + NO_ENDPOINT_PAUSE
            await asyncio.to_thread(self._outbox.postpone_all, partner, now=now, until=until, outcome="no endpoint")
            return 0
        room = self._limit_per_partner - self._in_progress[partner]
        if room <= 0:
            return 0
        lease_until = now + timedelta(seconds=self._timings.notification_lease)
        claim = partial(self._outbox.claim, partner, now=now, lease_until=lease_until, limit=room)
        return await self._start_claimed(claim, lambda event: self._start_delivery(endpoint, event))

    def _start_delivery(self, endpoint: NotificationEndpoint, event: Event) -> None:
        self._in_progress[event.partner] += 1
        self._start(self._deliver(endpoint, event)).add_done_callback(lambda _: self._end_delivery(event.partner))

    def _end_delivery(self, partner: str) -> None:
        self._in_progress[partner] -= 1

    async def _deliver(self, endpoint: NotificationEndpoint, event: Event) -> None:
        now = self._clock()
        left = event.lease_until - now if event.lease_until else timedelta()
        if left < timedelta(seconds=self._timings.notification_lease / 2):
            return  # the lease could expire before the delivery ends
        body = event.body
        headers = signed_headers(event.id, int(now.timestamp()), body, endpoint.secrets)
        try:
            await self._record(event, await self._send(endpoint, body, headers, event))
        except StoreUnavailable:
            log.warning("event %s: outcome not saved; it will be sent again", event.id)
        except asyncio.CancelledError:
            await asyncio.to_thread(self._release, event)
            raise

    async def _send(
        self, endpoint: NotificationEndpoint, body: bytes, headers: dict[str, str], event: Event
    ) -> DeliveryResult:
        try:
            return await self._notifier.send(endpoint.url, body, headers)
        except Exception:
            log.exception("event %s: delivery failed unexpectedly", event.id)
            return DeliveryResult(failure="unexpected")

    async def _record(self, event: Event, result: DeliveryResult) -> None:
        verdict, wait = self._verdict(event, result)
        if verdict == "delivered":
            await self._save(lambda: self._outbox.delivered(event, now=self._clock(), outcome=result.outcome))
        else:
            due_at = self._clock() + wait if wait else None
            level = logging.ERROR if due_at is None else logging.WARNING
            log.log(
                level,
                "event %s: delivery to partner %s failed (%s): %s",
                event.id,
                event.partner,
                verdict,
                result.outcome,
            )
            await self._save(lambda: self._outbox.retry_later(event, due_at=due_at, outcome=result.outcome))
        self._meter.count("notifications", partner=event.partner, outcome=verdict)

    def _verdict(self, event: Event, result: DeliveryResult) -> tuple[str, timedelta | None]:
        """The outcome for the metrics, and the wait before the next try; None if there is none."""
        if result.is_success:
            return "delivered", None
        if result.is_gone:
            return "gone", None
        wait = self._timings.notification_backoff(event.attempts + 1, result.retry_after)
        return "retry" if wait else "given_up", wait

    def _release(self, event: Event) -> None:
        try:
            self._outbox.release(event)
        except StoreUnavailable:
            log.warning("event %s: lease not released; it will be sent again after it expires", event.id)
