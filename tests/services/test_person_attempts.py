"""Attempts are counted per person over a window: in whichever onboarding, and only at the hosted page."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from portal.app import runner_of
from portal.domain.attempts import DEFAULT_WINDOW
from portal.domain.errors import RetryRefused
from portal.domain.onboarding import ConsentText
from portal.domain.reasons import Reason
from portal.domain.stage import Stage
from portal.domain.status import Status
from portal.services.operator_actions import Operator
from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.databases import on_both_databases, on_sqlite
from tests.factories import NOW, some_details

ANA = Operator("ana", "ticket 7")
OTHER = {"document_number": "30999888"}


class Desk:
    def __init__(self, onboardings, gu1, clock, work):
        self._onboardings, self._gu1, self._clock, self.work = onboardings, gu1, clock, work

    def get(self, onboarding):
        return self._onboardings.get(onboarding.id)

    def standing(self, onboarding):
        return self._onboardings.standing(self.get(onboarding))

    def stage(self, onboarding):
        return self.standing(onboarding).stage

    def opens(self, onboarding):
        return self._onboardings.open_hosted_page(onboarding.id) is not None

    def ends(self, onboarding, status=Status.REJECTED, **facts):
        """gu1 says so of its newest validation."""
        self._clock.advance(seconds=1)
        gu1_id = self.get(onboarding).validation.gu1_id
        if status is Status.REJECTED:
            facts = {"reason": Reason.FACE_MISMATCH} | facts
        self._onboardings.observe(self._gu1.becomes(gu1_id, status, **facts))

    def fails(self, onboarding, **facts):
        assert self.opens(onboarding)
        self.ends(onboarding, **facts)

    def retries(self, onboarding):
        self._onboardings.retry(onboarding.id, after_attempt=self.get(onboarding).validation_number)
        self.work()

    def uses_up(self, onboarding, times=3):
        for number in range(times):
            if number:
                self.retries(onboarding)
            self.fails(onboarding)


@pytest.fixture
def desk(onboardings, gu1, clock, work):
    return Desk(onboardings, gu1, clock, work)


@pytest.fixture
def again(begin):
    """The same number in a new form."""
    forms = iter(range(2, 99))
    return lambda **details: begin(nonce=f"form-{next(forms)}", **details)


def test_whoever_starts_anew_has_no_new_attempts(prepared, desk, again, gu1, clock):
    desk.uses_up(prepared)
    first = desk.standing(prepared)
    assert (first.stage, first.attempts_left, first.may_retry, first.is_final) == (Stage.CLOSED, 0, False, False)
    assert first.retry_opens_at == NOW + DEFAULT_WINDOW, "of one's own attempts the minute is told"
    second = again()
    assert len(gu1.named("create_validation")) == 3
    held = desk.standing(second)
    assert (held.stage, held.attempts_left, held.may_retry) == (Stage.CLOSED, 0, False)
    # Of a typed number only the hour: it may be somebody else's.
    assert NOW + DEFAULT_WINDOW <= held.retry_opens_at <= NOW + DEFAULT_WINDOW + timedelta(hours=1)
    clock.now = held.retry_opens_at
    desk.work()
    assert desk.stage(second) is Stage.READY and desk.opens(second)
    assert desk.standing(prepared).may_retry


def test_held_back_it_is_looked_at_again_each_hour_and_after_a_crash(prepared, desk, again, clock, other_process):
    desk.uses_up(prepared)
    held = again()
    for _ in range(26):
        clock.advance(minutes=30)
        desk.work()
        assert desk.stage(held) is Stage.CLOSED
        assert desk.get(held).due_at <= clock() + timedelta(hours=1)
    clock.advance(hours=12)
    asyncio.run(other_process())
    assert desk.stage(held) is Stage.READY


@pytest.mark.parametrize("reaches_hosted_page", [False, True])
def test_only_what_reached_the_hosted_page_is_used_up(prepared, desk, again, reaches_hosted_page):
    for started in (prepared, again(), again()):
        if reaches_hosted_page:
            assert desk.opens(started)
        desk.ends(started)
    assert (desk.stage(again()) is Stage.CLOSED) is reaches_hosted_page


@pytest.mark.parametrize("status", [Status.ABANDONED, Status.EXPIRED, Status.CANCELLED, Status.APPROVED])
def test_what_somebody_else_left_at_the_hosted_page_uses_up_nothing(prepared, desk, again, status):
    for started in (prepared, again(), again()):
        desk.opens(started)
        desk.ends(started, status)
    assert desk.opens(again())


def test_what_was_stopped_or_erased_uses_up_nothing(prepared, desk, again, onboardings, customers):
    stopped, erased = again(), again()
    for started in (prepared, stopped, erased):
        assert desk.opens(started)
    assert desk.stage(again()) is Stage.CLOSED
    onboardings.stop(stopped.id)
    assert desk.opens(again())
    onboardings.stop(desk.get(prepared).id)
    customers.erase(None, erased.id)
    kept = desk.get(erased)
    assert (kept.person, kept.earlier_attempts) == (None, None)
    others = [again(), again()]
    assert [desk.opens(it) for it in others] == [True, True]


def test_an_outage_uses_up_nothing(prepared, desk, again):
    for started in (prepared, again(), again()):
        desk.fails(started, reason=Reason.REGISTRY_UNAVAILABLE)
    assert desk.opens(again())


def test_a_reviewers_word_counts_whatever_the_reason(prepared, desk, again):
    for started in (prepared, again(), again()):
        desk.fails(started, reason=Reason.REGISTRY_UNAVAILABLE, by_person=True)
    assert desk.stage(again()) is Stage.CLOSED


@pytest.mark.parametrize("spelling", ["030111222", "20301112229"])
def test_a_person_is_the_same_however_the_number_is_written(prepared, desk, again, spelling):
    desk.uses_up(prepared)
    assert desk.stage(again(document_number=spelling)) is Stage.CLOSED
    assert desk.stage(again(**OTHER)) is Stage.READY
    assert desk.stage(again(country="CO")) is not Stage.CLOSED


@pytest.fixture
def customer(create_for_customer, onboardings, work):
    """A partner's customer who has given the details."""

    def customer(external_id="customer-7", **details):
        created = create_for_customer(external_id)
        work()
        onboardings.give_details(created.id, some_details(**details), consent=ConsentText("2026-01"))
        work()
        return created

    return customer


def test_a_customer_keeps_the_link_and_nobody_else_is_counted(customer, create_for_customer, desk, again, clock):
    first = customer()
    desk.uses_up(first)
    assert desk.stage(first) is Stage.CLOSED
    assert create_for_customer().id == first.id, "its link says when the next attempt is free"
    assert desk.stage(customer("customer-8")) is Stage.READY
    assert desk.stage(again()) is Stage.READY
    clock.now = NOW + DEFAULT_WINDOW
    desk.retries(first)
    assert desk.stage(first) is Stage.READY


def test_after_the_way_to_a_person_the_customer_starts_anew_with_what_is_left(customer, desk):
    first = customer()
    desk.uses_up(first, times=2)
    desk.retries(first)
    desk.fails(first, reason=Reason.NOT_ELIGIBLE)
    assert not desk.standing(first).may_retry and desk.standing(first).retry_opens_at is None
    second = customer()
    assert second.id != first.id
    held = desk.standing(second)
    assert (held.stage, held.retry_opens_at) == (Stage.CLOSED, NOW + DEFAULT_WINDOW)


def test_a_retry_knows_of_the_attempts_made_elsewhere(prepared, desk, again, onboardings):
    desk.fails(prepared)
    other = again()
    desk.uses_up(other, times=2)
    assert desk.standing(prepared).may_retry, "nobody told it yet"
    with pytest.raises(RetryRefused):
        onboardings.retry(prepared.id, after_attempt=1)
    standing = desk.standing(prepared)
    assert (standing.stage, standing.attempts_left, standing.may_retry) == (Stage.CLOSED, 0, False)


@on_both_databases
def test_two_at_once_cannot_both_use_the_last_attempt(prepared, desk, again, onboardings, counted):
    desk.uses_up(prepared, times=2)
    both = [again(), again()]
    start = Barrier(2, timeout=30)

    def opens(onboarding):
        start.wait()
        return onboardings.open_hosted_page(onboarding.id)

    with ThreadPoolExecutor(2) as pool:
        urls = list(pool.map(opens, both))
    assert sorted(url is None for url in urls) == [False, True]
    assert sorted(desk.stage(it) for it in both) == [Stage.CLOSED, Stage.WAITING]
    assert counted("held_back") == 1


def test_what_was_held_back_at_the_door_opens_with_a_click_later(prepared, desk, again, onboardings, clock):
    late = again()
    desk.uses_up(prepared)
    assert not desk.opens(late) and desk.stage(late) is Stage.CLOSED
    with pytest.raises(RetryRefused):
        onboardings.retry(late.id, after_attempt=1)
    clock.now = desk.standing(late).retry_opens_at
    assert desk.standing(late).may_retry
    onboardings.retry(late.id, after_attempt=1)
    assert desk.stage(late) is Stage.READY and desk.opens(late)
    assert desk.get(late).validation.number == 1, "it is the same validation as before"


def test_opened_once_it_opens_again(prepared, desk, again):
    assert desk.opens(prepared)
    for started in (again(), again()):
        desk.fails(started)
    assert desk.opens(prepared)


@pytest.fixture
def operator(app):
    return app.extensions["portal"].operator_actions


def test_an_operator_lets_the_person_go_on(prepared, desk, again, operator):
    desk.uses_up(prepared)
    held = again()
    operator.allow_attempt(held.id, ANA)
    assert operator.show(held.id).history[-1].action == "attempt_allowed"
    desk.work()
    assert desk.stage(held) is Stage.READY
    desk.fails(held)
    assert desk.stage(held) is Stage.CLOSED
    operator.allow_attempt(held.id, ANA)
    desk.retries(held)
    desk.fails(held)
    assert (desk.stage(held), desk.get(held).attempts) == (Stage.CLOSED, 2)


def test_the_history_says_who_was_held_back(prepared, desk, again, operator):
    desk.uses_up(prepared)
    entry = operator.show(again().id).history[-1]
    assert (entry.actor, entry.action, entry.new_status, entry.new_stage) == ("rule", "held_back", "pending", "closed")


def test_held_back_it_can_be_stopped(prepared, desk, again, onboardings, gu1):
    desk.uses_up(prepared)
    held = again()
    onboardings.stop(held.id)
    desk.work()
    assert desk.stage(held) is Stage.CANCELLED
    assert len(gu1.named("create_validation")) == 3


def test_the_number_is_forgotten_after_the_window(app, prepared, desk, again, clock):
    desk.uses_up(prepared)
    unopened = again(**OTHER)
    clock.advance(hours=23)
    opened_late = again(**OTHER)
    assert desk.opens(opened_late)
    for hours, remembered in ((0, 3), (1, 1), (23, 0)):
        clock.advance(hours=hours)
        runner_of(app).purge_expired(clock())
        known = [desk.get(it).person for it in (prepared, unopened, opened_late)]
        assert len([it for it in known if it]) == remembered
        assert not any(OTHER["document_number"] in (it or "") for it in known)


@pytest.fixture
def store(app, config, shared_engines):
    return Repository(shared_engines["portal"].connect_to(config.database_url), ColumnCipher(config.secret_keys))


def test_a_clock_that_ran_ahead_holds_nobody_back(prepared, desk, again, clock, store):
    desk.uses_up(prepared)
    wrong = desk.get(prepared)
    with store.locked(prepared.id) as row:
        row.save(replace(wrong, validation=replace(wrong.validation, opened_at=clock() + timedelta(days=400))))
    assert desk.stage(again()) is Stage.READY


@on_sqlite
def test_a_release_that_did_not_count_left_what_its_validations_say(prepared, desk, store):
    desk.uses_up(prepared)
    with store.locked(prepared.id) as row:
        row.save(replace(row.onboarding, person=None, earlier_attempts=None))
    assert desk.standing(prepared).stage is Stage.CLOSED
    assert desk.standing(prepared).retry_opens_at is not None
