"""Partners' backends are told everything, again and again until they have it, and never wait for one another."""

import asyncio
import base64
import hmac
import json
import logging
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.errors import StoreUnavailable
from portal.domain.timings import Timings
from portal.runner.notification_worker import NO_ENDPOINT_PAUSE, NotificationWorker
from portal.services.notification import DeliveryResult, Event, NotificationEndpoint
from tests.factories import NOW

OK, FAILED, GONE = DeliveryResult(204), DeliveryResult(500), DeliveryResult(410)
SECRETS = (b"first-secret-of-the-partner", b"other-secret-of-the-partner")
SHOP, BANK = (
    NotificationEndpoint("https://shop.example/hook", SECRETS),
    NotificationEndpoint("https://bank.example/hook", SECRETS),
)
SUMMARY = {"id": "onboarding-1", "status": "approved"}
PACE = Timings(save_backoff=(0.0,))


class FakeOutbox:
    """In memory; every write can be made to fail."""

    def __init__(self):
        self.events, self.failures = {}, 0

    def add(self, partner="shop", times=1):
        for _ in range(times):
            sequence = len(self.events) + 1
            event = Event(
                id=f"evt_{sequence}",
                partner=partner,
                onboarding_id="onboarding-1",
                sequence=sequence,
                summary=SUMMARY,
                created_at=NOW,
                due_at=NOW,
            )
            self.events[event.id] = event

    def one(self):
        (event,) = self.events.values()
        return event

    def _claimable(self, now):
        due = [event for event in self.events.values() if event.due_at and event.due_at <= now]
        return [event for event in due if event.lease_until is None or event.lease_until < now]

    def next_due(self, now):
        waiting = [event for event in self.events.values() if event.due_at]
        return min((max(event.due_at, event.lease_until or event.due_at) for event in waiting), default=None)

    def due_partners(self, now):
        return list(dict.fromkeys(event.partner for event in self._claimable(now)))

    def claim(self, partner, *, now, lease_until, limit):
        taken = [event for event in self._claimable(now) if event.partner == partner][:limit]
        return [self._change(event, lease_until=lease_until) for event in taken]

    def delivered(self, claimed, *, now, outcome):
        self._settle(claimed, delivered_at=now, due_at=None, attempts=claimed.attempts + 1, outcome=outcome)

    def retry_later(self, claimed, *, due_at, outcome):
        self._settle(claimed, due_at=due_at, attempts=claimed.attempts + 1, outcome=outcome)

    def release(self, claimed):
        self._settle(claimed)

    def postpone_all(self, partner, *, now, until, outcome):
        for event in self._claimable(now):
            if event.partner == partner:
                self._change(event, due_at=until, outcome=outcome)

    def _settle(self, claimed, **values):
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("away")
        self._change(claimed, lease_until=None, **values)

    def _change(self, event, **values):
        self.events[event.id] = replace(self.events[event.id], **values)
        return self.events[event.id]


class FakeCourier:
    """Gives each address its answers, the last one for ever; `hang` has it wait until it is let go."""

    def __init__(self):
        self.answers, self.sent, self.hangs, self.most_at_once = {}, [], {}, 0
        self._under_way = 0

    def answer(self, *answers, at=SHOP):
        self.answers[at.url] = list(answers)

    def hang(self, at=SHOP):
        self.hangs[at.url] = asyncio.Event()
        return self.hangs[at.url]

    def sent_to(self, endpoint):
        return [body for url, body, _ in self.sent if url == endpoint.url]

    async def send(self, url, body, headers):
        self.sent.append((url, body, headers))
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            if url in self.hangs:
                await self.hangs[url].wait()
        finally:
            self._under_way -= 1
        answers = self.answers.get(url, [OK])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Counted(Counter):
    def count(self, event, **labels):
        self[event, *sorted(labels.items())] += 1

    def counted(self, outcome, partner="shop"):
        return self["notifications", ("outcome", outcome), ("partner", partner)]


class Rig:
    def __init__(self, clock, timings=PACE, **options):
        self.outbox, self.notifier, self.meter = FakeOutbox(), FakeCourier(), Counted()
        self.notification_endpoints = {"shop": SHOP, "bank": BANK}
        facts = {"clock": clock, "timings": timings, "meter": self.meter} | options
        self.notifications = NotificationWorker(
            self.outbox, self.notifier, lambda: self.notification_endpoints, **facts
        )
        self.clock = clock

    def work(self):
        asyncio.run(self.notifications.work_until_idle())

    def live(self, days):
        """Every try that falls due within so many days."""
        end = self.clock.now + timedelta(days=days)
        while self.clock.now < end:
            self.work()
            self.clock.now = self.outbox.next_due(self.clock.now) or end


async def until(holds):
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


@pytest.fixture
def rig(clock):
    return Rig(clock)


def test_what_is_due_is_sent_once_and_noted_as_delivered(rig):
    rig.outbox.add()
    rig.work()
    rig.work()
    assert len(rig.notifier.sent) == 1
    event = rig.outbox.one()
    assert (event.delivered_at, event.due_at, event.outcome) == (NOW, None, "HTTP 204")
    assert rig.meter.counted("delivered") == 1


def test_the_body_says_type_time_and_summary(rig):
    rig.outbox.add()
    rig.work()
    (body,) = rig.notifier.sent_to(SHOP)
    data = {**SUMMARY, "sequence": 1}
    assert json.loads(body) == {"type": "onboarding.updated", "timestamp": "2026-03-02T12:00:00Z", "data": data}


def test_each_try_has_the_same_id_and_body_and_a_time_of_its_own(rig, clock):
    rig.outbox.add()
    rig.notifier.answer(FAILED, OK)
    rig.work()
    clock.advance(seconds=6)
    rig.work()
    (_, body, first), (_, again, second) = rig.notifier.sent
    assert (body, first["webhook-id"]) == (again, second["webhook-id"])
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 6
    assert first["webhook-signature"] != second["webhook-signature"]


def test_every_secret_of_the_partner_signs_what_is_sent(rig):
    rig.outbox.add()
    rig.work()
    ((_, body, headers),) = rig.notifier.sent
    message = f"evt_1.{int(NOW.timestamp())}.".encode() + body
    expected = ["v1," + base64.b64encode(hmac.digest(it, message, "sha256")).decode() for it in SECRETS]
    assert headers["webhook-signature"].split(" ") == expected


@pytest.mark.parametrize("answer", [DeliveryResult(200), DeliveryResult(202), DeliveryResult(299)])
def test_any_2xx_is_delivery(rig, answer):
    rig.outbox.add()
    rig.notifier.answer(answer)
    rig.work()
    assert rig.outbox.one().delivered_at


@pytest.mark.parametrize(
    "answer",
    [
        *map(DeliveryResult, (199, 301, 307, 400, 401, 404, 429, 500, 503)),
        DeliveryResult(failure="timed out"),
        RuntimeError("what"),
    ],
    ids=str,
)
def test_anything_else_is_tried_again(rig, clock, answer):
    rig.outbox.add()
    rig.notifier.answer(answer)
    rig.work()
    event = rig.outbox.one()
    assert event.delivered_at is None and event.attempts == 1
    assert timedelta(seconds=4) < event.due_at - clock.now < timedelta(seconds=6)
    assert rig.meter.counted("retry") == 1


def test_it_is_tried_for_about_ten_days_and_then_kept(rig, clock, caplog):
    rig.outbox.add()
    rig.notifier.answer(FAILED)
    rig.live(days=30)
    times = [int(headers["webhook-timestamp"]) for _, _, headers in rig.notifier.sent]
    assert len(times) == 19
    assert timedelta(days=8.5) < timedelta(seconds=times[-1] - times[0]) < timedelta(days=11)
    assert (rig.outbox.one().due_at, rig.outbox.one().attempts) == (None, 19)
    assert rig.meter.counted("given_up") == 1
    assert [record.levelno for record in caplog.records][-1] == logging.ERROR


@pytest.mark.parametrize(("stated", "least", "most"), [(600, 600, 660), (1, 4, 6), (10**9, 86400, 95040)])
def test_a_backend_may_ask_for_more_time_but_not_for_ever(rig, clock, stated, least, most):
    rig.outbox.add()
    rig.notifier.answer(DeliveryResult(503, retry_after=stated))
    rig.work()
    assert least <= (rig.outbox.one().due_at - clock.now).total_seconds() <= most


def test_gone_ends_the_tries_of_that_event_only(rig):
    rig.outbox.add(times=2)
    rig.notifier.answer(GONE, OK)
    rig.work()
    first, second = rig.outbox.events.values()
    assert (first.due_at, first.delivered_at, first.outcome) == (None, None, "gone")
    assert second.delivered_at


def test_a_partner_that_does_not_listen_any_more_loses_nothing(rig, clock):
    rig.outbox.add()
    endpoint = rig.notification_endpoints.pop("shop")
    rig.work()
    event = rig.outbox.one()
    assert (rig.notifier.sent, event.attempts, event.due_at) == ([], 0, clock.now + NO_ENDPOINT_PAUSE)
    rig.notification_endpoints["shop"] = endpoint
    clock.now = event.due_at
    rig.work()
    assert rig.outbox.one().delivered_at


def test_without_any_listener_the_database_is_left_alone(rig):
    rig.outbox = None
    rig.notification_endpoints.clear()
    rig.work()


def test_a_dead_backend_delays_nobody_elses_news(rig):
    async def play():
        rig.outbox.add(times=50)
        rig.notifier.hang(SHOP)
        running = asyncio.create_task(rig.notifications.run())
        await until(lambda: len(rig.notifier.sent_to(SHOP)) == 4)
        for number in range(3):
            rig.outbox.add("bank")
            rig.notifications.wake()
            await until(lambda counted=number + 1: len(rig.notifier.sent_to(BANK)) == counted)
        assert len(rig.notifier.sent_to(SHOP)) == 4
        rig.notifier.hangs[SHOP.url].set()
        await until(lambda: len(rig.notifier.sent_to(SHOP)) == 50)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(play())


def test_one_partner_is_never_sent_more_at_once_than_its_limit(clock):
    rig = Rig(clock, limit_per_partner=3)
    rig.outbox.add(times=20)
    rig.work()
    assert len(rig.notifier.sent) == 20
    assert rig.notifier.most_at_once <= 3


def test_an_outcome_that_the_database_missed_is_written_again(rig):
    rig.outbox.add()
    rig.outbox.failures = 1
    rig.work()
    assert rig.outbox.one().delivered_at
    assert len(rig.notifier.sent) == 1


def test_an_outcome_that_got_lost_is_sent_again_after_the_lease(rig, clock):
    rig.outbox.add()
    rig.outbox.failures = 2
    rig.work()
    assert rig.outbox.one().delivered_at is None
    clock.advance(seconds=PACE.notification_lease + 1)
    rig.work()
    assert rig.outbox.one().delivered_at
    assert len(rig.notifier.sent) == 2


def test_a_claim_that_came_late_is_not_used(rig, clock):
    async def play():
        rig.outbox.add()
        (event,) = rig.outbox.claim("shop", now=NOW, lease_until=NOW + timedelta(seconds=40), limit=1)
        clock.advance(seconds=21)
        await rig.notifications._deliver(SHOP, event)

    asyncio.run(play())
    assert rig.notifier.sent == []


def ended_while_sending(clock, grace, meanwhile):
    rig = Rig(clock, replace(PACE, grace=grace))

    async def play():
        rig.outbox.add()
        go = rig.notifier.hang()
        running = asyncio.create_task(rig.notifications.run())
        await until(lambda: rig.notifier.sent)
        running.cancel()
        await asyncio.sleep(0)
        meanwhile(go)
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(play())
    return rig.outbox.one()


def test_told_to_end_it_finishes_what_is_under_way(clock):
    assert ended_while_sending(clock, 5.0, lambda go: go.set()).delivered_at


def test_told_to_end_it_hands_back_what_takes_too_long(clock):
    event = ended_while_sending(clock, 0.01, lambda go: None)
    assert (event.lease_until, event.due_at, event.attempts) == (None, NOW, 0)


def test_neither_address_nor_body_is_logged(rig, caplog):
    caplog.set_level(logging.DEBUG)
    rig.outbox.add(times=3)
    rig.notifier.answer(FAILED, GONE, RuntimeError(SHOP.url))
    rig.work()
    logged = "".join(record.getMessage() for record in caplog.records)
    assert "evt_3" in logged
    assert "shop.example" not in logged and "approved" not in logged
