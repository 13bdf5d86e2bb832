"""When an approval ends the partner is told, once; and a partner may ask anew although it has not ended."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.app import runner_of
from portal.domain.entity_status import EntityStatus
from portal.domain.errors import Refused, Unavailable
from portal.domain.onboarding import ConsentText
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.domain.validation import DoubleCheck
from portal.services.operator_actions import Operator
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from portal.store.tables import events
from tests.factories import NOW, some_details
from tests.partners import partners_file

YEAR = timedelta(days=365)


@pytest.fixture
def config(config, tmp_path):
    return config.model_copy(update={"partners_file": partners_file(tmp_path)})


class Shop:
    """The partner, its customers, and gu1's word on them."""

    def __init__(self, app, gu1, clock, engine):
        self.portal, self._app, self._engine = app.extensions["portal"], app, engine
        self._onboardings, self.gu1, self.clock = self.portal.onboardings, gu1, clock

    def work(self):
        asyncio.run(runner_of(self._app).onboardings.work_until_idle())

    def get(self, onboarding):
        return self._onboardings.get(onboarding.id)

    def verify(self, created):
        """The customer gives the details, and gu1 approves."""
        self._onboardings.give_details(created.id, some_details(), consent=ConsentText("2026-01"))
        self.work()
        self._onboardings.open_hosted_page(created.id)
        self.report(created, Status.APPROVED, double_check=DoubleCheck.ANSWERED, verified_at=self.clock())
        return created

    def report(self, onboarding, status, **facts):
        self.clock.advance(seconds=1)
        self._onboardings.observe(self.gu1.becomes(self.get(onboarding).validation.gu1_id, status, **facts))

    def gu1_says(self, onboarding, **facts):
        given = {"is_verified": True, "needs_reverification": False, "verified_at": NOW, "expires_at": NOW + YEAR}
        kept = self.get(onboarding)
        status = EntityStatus(validation_id=kept.validation.gu1_id, **given | facts)
        self.gu1.statuses[kept.entity_id] = status

    def minute_passes(self):
        runner_of(self._app).start_checks(self.clock())
        self.work()

    def news(self, onboarding):
        """What the partner was told, in order."""
        told = select(events.c.payload).where(events.c.onboarding_id == onboarding.id).order_by(events.c.sequence)
        with self._engine.connect() as connection:
            return [json.loads(payload) for payload in connection.scalars(told)]

    def times_told(self, onboarding):
        return sum(it["needs_reverification"] for it in self.news(onboarding))

    def due(self):
        rows = self.portal.operator_actions.list_reverifications(None, limit=10)
        return [(it.external_id, it.reverification_due_at) for it in rows]


@pytest.fixture
def shop(app, gu1, clock, config, shared_engines):
    return Shop(app, gu1, clock, shared_engines["test"].connect_to(config.database_url))


@pytest.fixture
def store(app, config, shared_engines):
    return Repository(shared_engines["test"].connect_to(config.database_url), ColumnCipher(config.secret_keys))


@pytest.fixture
def verified(shop, create_for_customer, work):
    created = create_for_customer()
    work()
    shop.verify(created)
    shop.gu1_says(created)
    shop.minute_passes()
    return created


def test_an_approval_for_another_purpose_ends_nothing_of_the_earlier(shop, verified, create_for_customer, work):
    shop.clock.now = NOW + YEAR
    shop.minute_passes()
    for purpose, due in (("credit", ["customer-7"]), (None, [])):
        later = create_for_customer(purpose=purpose, reverify=True)
        work()
        shop.verify(later)
        shop.gu1_says(later, expires_at=NOW + 2 * YEAR)
        shop.minute_passes()
        assert [it for it, _ in shop.due()] == due


def test_an_approval_for_another_purpose_prolongs_nothing(shop, verified, create_for_customer, work):
    later = create_for_customer(purpose="credit", reverify=True)
    work()
    shop.verify(later)
    shop.gu1_says(later, expires_at=NOW + 2 * YEAR)
    shop.clock.now = NOW + YEAR - timedelta(days=1)
    shop.minute_passes()
    assert [shop.get(it).verified_until for it in (verified, later)] == [NOW + YEAR, NOW + 2 * YEAR]
    shop.clock.now = NOW + YEAR
    shop.minute_passes()
    assert shop.due() == [("customer-7", NOW + YEAR)]


def test_the_end_of_an_approval_is_kept(shop, verified):
    kept = shop.get(verified)
    assert (kept.status, kept.verified_until, kept.reverification_due_at) == (Status.APPROVED, NOW + YEAR, None)
    assert kept.due_at is None, "the runner has nothing to do for a month"
    assert shop.times_told(verified) == 0


def test_the_partner_is_told_once_when_it_falls_due(shop, verified, other_process, counted):
    told = len(shop.news(verified))
    shop.clock.now = NOW + YEAR - timedelta(days=1)
    shop.minute_passes()
    assert shop.due() == []
    shop.clock.now = NOW + YEAR
    shop.minute_passes()
    for _ in range(3):
        shop.clock.advance(days=40)
        shop.minute_passes()
        asyncio.run(other_process())
    news = shop.news(verified)
    assert len(news) == told + 1 and counted("reverifications_due") == 1
    assert (news[-1]["status"], news[-1]["needs_reverification"]) == ("approved", True)
    assert news[-1]["verified_until"] == "2027-03-02T12:00:00Z"
    assert news[-1]["verified_at"] == news[-2]["verified_at"]
    assert shop.due() == [("customer-7", NOW + YEAR)]
    entry = shop.portal.partner_onboardings.history("shop", verified.id)[-1]
    assert (entry.actor, entry.action, entry.new_status) == ("gu1", "reverification_due", "approved")


def test_two_replicas_at_once_tell_it_once(shop, verified, other_process, app):
    shop.clock.now = NOW + YEAR

    async def both():
        runner_of(app).start_checks(shop.clock())
        await asyncio.gather(runner_of(app).onboardings.work_until_idle(), other_process())

    asyncio.run(both())
    assert shop.times_told(verified) == 1


def test_killed_while_it_asks_the_next_process_tells_it(shop, verified, app, other_process):
    shop.clock.now = NOW + YEAR

    async def killed():
        raise asyncio.CancelledError

    shop.gu1.during["read_entity_status"] = killed
    runner_of(app).start_checks(shop.clock())
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(runner_of(app).onboardings.work_until_idle())
    assert shop.times_told(verified) == 0
    shop.clock.advance(seconds=31)
    asyncio.run(other_process())
    assert shop.times_told(verified) == 1


def test_gu1_may_ask_for_it_without_a_date(shop, verified):
    shop.gu1_says(verified, expires_at=None)
    shop.clock.advance(days=31)
    shop.minute_passes()
    assert shop.get(verified).verified_until is None
    shop.gu1_says(verified, expires_at=None, needs_reverification=True, asks_reverification=True)
    shop.clock.advance(days=30)
    shop.minute_passes()
    assert shop.due() == [("customer-7", shop.clock())]


@pytest.mark.parametrize(
    ("failure", "again_after"),
    [(Unavailable("down"), timedelta(hours=1)), (Refused(403, "FORBIDDEN"), timedelta(days=1))],
)
def test_a_failure_delays_it_and_nobody_sees_it(shop, verified, failure, again_after):
    shop.clock.now = NOW + YEAR
    shop.gu1.failing["read_entity_status"] = failure
    before = shop.get(verified)
    shop.minute_passes()
    kept = shop.get(verified)
    assert (kept.failures, kept.stall_reason, kept.updated_at) == (0, None, before.updated_at)
    shop.gu1.failing.clear()
    shop.minute_passes()
    assert shop.times_told(verified) == 0
    shop.clock.advance(seconds=again_after.total_seconds())
    shop.minute_passes()
    assert shop.times_told(verified) == 1


def test_what_gu1_does_not_know_yet_is_not_due(shop, create_for_customer, work):
    created = create_for_customer()
    work()
    shop.verify(created)
    shop.minute_passes()  # the status still says that nobody was verified, and that somebody should be
    assert shop.due() == []
    shop.gu1_says(created)
    shop.clock.advance(hours=1)
    shop.minute_passes()
    assert shop.get(created).verified_until == NOW + YEAR


def test_who_verified_again_is_not_due_any_more(shop, verified, create_for_customer, work):
    shop.clock.now = NOW + YEAR
    shop.gu1_says(verified, needs_reverification=True, asks_reverification=True)
    shop.minute_passes()
    again = create_for_customer()
    work()
    assert again.id != verified.id and shop.get(again).verified_before_at is None
    shop.verify(again)
    shop.gu1_says(again, verified_at=shop.clock(), expires_at=shop.clock() + YEAR)
    shop.minute_passes()
    assert shop.due() == []
    shop.clock.advance(days=366)
    shop.minute_passes()
    assert (shop.times_told(verified), shop.times_told(again)) == (1, 1)


def test_who_was_verified_before_is_watched_once(shop, verified, create_for_customer, work):
    again = create_for_customer()
    work()
    kept = shop.get(again)
    assert (kept.status, kept.verified_until, kept.validation) == (Status.APPROVED, NOW + YEAR, None)
    shop.minute_passes()
    shop.clock.now = NOW + YEAR
    shop.minute_passes()
    assert (shop.times_told(verified), shop.times_told(again)) == (0, 1)


def test_a_partner_may_ask_again_although_gu1_vouches(shop, verified, create_for_customer, work):
    reads = len(shop.gu1.named("read_entity_status"))
    again = create_for_customer(reverify=True)
    work()
    assert shop.portal.onboardings.standing(shop.get(again)).stage is Stage.DETAILS
    assert len(shop.gu1.named("read_entity_status")) == reads
    shop.verify(again)
    assert shop.get(again).validation.gu1_id == "validation-2"
    assert create_for_customer(reverify=True).id not in {verified.id, again.id}


def test_an_open_onboarding_is_asked_anew_too(shop, verified, create_for_customer, work):
    """Asked before gu1 was looked at."""
    again = create_for_customer()
    assert create_for_customer(reverify=True).id == again.id
    work()
    assert shop.portal.onboardings.standing(shop.get(again)).stage is Stage.DETAILS


def test_an_approval_that_gu1_ends_is_due_at_once(shop, verified):
    shop.report(verified, Status.EXPIRED)
    assert shop.due() == [("customer-7", shop.clock())]
    news = shop.news(verified)[-1]
    assert (news["status"], news["needs_reverification"], news["verified_until"]) == ("expired", True, None)
    shop.clock.advance(days=400)
    shop.minute_passes()
    assert shop.times_told(verified) == 1


def test_what_is_rejected_or_erased_is_watched_no_more(shop, verified, create_for_customer, customers, work):
    other = create_for_customer("customer-8")
    work()
    shop.verify(other)
    shop.report(other, Status.REJECTED, reason=Reason.NOT_ELIGIBLE)
    customers.erase("shop", verified.id)
    shop.clock.now = NOW + YEAR
    shop.minute_passes()
    assert shop.due() == []


def test_what_an_operator_releases_is_watched(shop, create_for_customer, work):
    created = create_for_customer()
    work()
    shop.portal.onboardings.give_details(created.id, some_details(), consent=ConsentText("2026-01"))
    work()
    shop.portal.onboardings.open_hosted_page(created.id)
    shop.report(created, Status.APPROVED, double_check=DoubleCheck.ANSWERED, document_number="30999888")
    assert shop.get(created).verification_check_at is None
    shop.portal.operator_actions.release(created.id, Operator("ana", "ticket 7"))
    assert shop.get(created).verification_check_at == shop.clock()


def test_people_without_a_partner_are_not_watched(prepared, shop):
    shop.report(prepared, Status.APPROVED, double_check=DoubleCheck.ANSWERED)
    assert shop.get(prepared).verification_check_at is None


def test_what_another_release_took_back_is_not_asked_for_each_minute(shop, verified, store):
    with store.locked(verified.id) as row:
        taken_back = replace(row.onboarding.validation, status=Status.REJECTED, reason=Reason.NOT_ELIGIBLE)
        row.save(replace(row.onboarding, validation=taken_back))
    shop.clock.now = NOW + YEAR
    shop.minute_passes()
    kept = shop.get(verified)
    assert (kept.verification_check_at, kept.due_at, shop.due()) == (None, None, [])
