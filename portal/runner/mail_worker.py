"""Sends mails to applicants, each at most once.

Until the server is about to be given a mail, a try may fail and be repeated. That it is about to be given the mail is
stored first: if the process dies after that, or the server's answer is lost, the mail may have been sent, and is not
sent again. So nobody gets a mail twice, and one may be lost in the second in which the server takes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from portal.domain.errors import StoreUnavailable, UnknownOnboarding
from portal.domain.onboarding import Onboarding
from portal.domain.timings import Timings
from portal.runner.polling_worker import PollingWorker
from portal.runner.wake import Wake
from portal.services.mail import Mail, MailContent, MailOutbox, MailResult, Recipient, Verdict
from portal.services.meter import Meter
from portal.services.ports import Clock

log = logging.getLogger(__name__)

_LEVELS = {Verdict.SENT: logging.DEBUG, Verdict.LATER: logging.WARNING, Verdict.UNAVAILABLE: logging.WARNING}


WriteMail = Callable[[Mail, Onboarding, Recipient], MailContent]


class MailTransport(Protocol):
    async def send(
        self, mail_id: str, address: str, content: MailContent, hand_over: Callable[[], Awaitable[bool]]
    ) -> MailResult:
        """Calls `hand_over` when the server is about to be given the mail, and gives it only if that says so."""


class MailWorker(PollingWorker):
    def __init__(
        self,
        outbox: MailOutbox,
        transport: MailTransport,
        get: Callable[[str], Onboarding],
        is_current: Callable[[Mail, Onboarding], bool],
        write: WriteMail,
        *,
        clock: Clock,
        timings: Timings,
        meter: Meter,
        wake: Wake | None = None,
        limit: int = 4,
    ) -> None:
        """`write` makes the text of a mail. `limit`: mails that are being sent at the same time."""
        super().__init__(timings, wake)
        self._outbox = outbox
        self._transport = transport
        self._get = get
        self._is_current = is_current
        self._write = write
        self._clock = clock
        self._meter = meter
        self._limit = limit

    async def _start_due(self) -> int:
        self._pause = self._idle()
        now, room = self._clock(), self._limit - len(self._running)
        try:
            if room <= 0 or not self._is_due(await asyncio.to_thread(self._outbox.next_due, now), now):
                return 0
            lease_until = now + timedelta(seconds=self._timings.mail_lease)
            return await self._start_claimed(
                lambda: self._outbox.claim(now=now, lease_until=lease_until, limit=room),
                lambda mail: self._start(self._deliver(mail)),
            )
        except StoreUnavailable:
            return 0  # the store has logged it; the next round tries again

    async def _deliver(self, mail: Mail) -> None:
        try:
            result = await self._result_of(mail)
            if result is not None:
                await self._save(lambda: self._record(mail, result))
        except StoreUnavailable:
            log.warning("mail %s: outcome not saved", mail.id)
        except asyncio.CancelledError:
            await asyncio.to_thread(self._release, mail)
            raise

    async def _result_of(self, mail: Mail) -> MailResult | None:
        """None if it was settled without the server."""
        if mail.handed_over_at is not None:
            return MailResult(Verdict.UNKNOWN, "the process died, or lost the server's answer")
        found = await asyncio.to_thread(self._read, mail)
        if found is None:
            await asyncio.to_thread(self._outbox.drop, mail, outcome="outdated")
            self._meter.count("mails", kind=mail.kind, outcome="outdated")
            return None
        onboarding, recipient = found
        try:
            content = self._write(mail, onboarding, recipient)
            return await self._transport.send(mail.id, recipient.address, content, lambda: self._hand_over(mail))
        except Exception:
            log.exception("mail %s: not sent because of a bug", mail.id)
            return MailResult(Verdict.LATER, "unexpected")

    def _read(self, mail: Mail) -> tuple[Onboarding, Recipient] | None:
        try:
            onboarding = self._get(mail.onboarding_id)
        except UnknownOnboarding:
            return None
        recipient = self._outbox.recipient(mail.onboarding_id)
        is_wanted = recipient is not None and self._is_current(mail, onboarding)
        return (onboarding, recipient) if recipient and is_wanted else None

    async def _hand_over(self, mail: Mail) -> bool:
        return await asyncio.to_thread(self._outbox.hand_over, mail, now=self._clock())

    def _record(self, mail: Mail, result: MailResult) -> None:
        now, verdict = self._clock(), result.verdict
        if verdict is Verdict.SENT:
            self._outbox.sent(mail, now=now, outcome=result.outcome)
        elif verdict is Verdict.REFUSED:
            self._outbox.refused(mail, now=now, outcome=result.outcome)
        elif verdict is Verdict.UNKNOWN:
            self._outbox.drop(mail, outcome=f"not known whether it was sent: {result.outcome}")
        else:
            self._retry(mail, result, now)
        level = _LEVELS.get(verdict, logging.ERROR)
        log.log(level, "mail %s of onboarding %s: %s: %s", mail.id, mail.onboarding_id, verdict, result.outcome)
        self._meter.count("mails", kind=mail.kind, outcome=verdict)

    def _retry(self, mail: Mail, result: MailResult, now: datetime) -> None:
        wait = self._timings.mail_backoff(mail.attempts + 1, gives_up=result.verdict is Verdict.LATER)
        if wait is None:
            self._outbox.drop(mail, outcome=f"given up: {result.outcome}")
        else:
            self._outbox.retry_later(mail, due_at=now + wait, outcome=result.outcome)

    def _release(self, mail: Mail) -> None:
        try:
            self._outbox.release(mail)
        except StoreUnavailable:
            log.warning("mail %s: lease not released", mail.id)
