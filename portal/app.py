"""The composition root: builds the stores, the services, the runner and the pages, in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import cast

from flask import Flask
from sqlalchemy import Engine

from portal.config import Config
from portal.domain.onboarding import Onboarding
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.timings import Timings
from portal.gu1.client import make_gu1
from portal.http.notifier import HttpNotifier, send_now
from portal.metrics import Metrics
from portal.partners.policies import Policies
from portal.partners.registry import Registry
from portal.partners.toml_file import read_registry
from portal.runner.figures import ProcessFigures, QueueFigures
from portal.runner.heartbeat import Heartbeat
from portal.runner.housekeeping import TURN, TURN_EVERY, Housekeeping
from portal.runner.mail_worker import MailWorker, WriteMail
from portal.runner.notification_worker import NotificationWorker
from portal.runner.onboarding_worker import OnboardingWorker
from portal.runner.singleton_job import SingletonJob
from portal.runner.thread import SLICE_OF_CHECKS, RunnerThread
from portal.runner.wake import Wake
from portal.services.backend_test import BackendTest
from portal.services.budget import Budget
from portal.services.change_history import ChangeRecorder
from portal.services.erasure_requests import ErasureRequests
from portal.services.gu1_port import Gu1
from portal.services.identity import IdentityComparison
from portal.services.keyed_hash import KeyedHash
from portal.services.mail import MailPlanner
from portal.services.measured_waits import MeasuredWaits
from portal.services.onboarding_steps import OnboardingSteps
from portal.services.onboardings import Onboardings
from portal.services.operator_actions import OperatorActions
from portal.services.partner_changes import PartnerChanges
from portal.services.partner_onboardings import PartnerOnboardings
from portal.services.phone_handover import PhoneHandover
from portal.services.ports import Clock
from portal.services.reminders import ReminderPlan, Reminders
from portal.services.start_counters import StartCounters
from portal.services.summary import ChangeNotifier
from portal.services.validation_plan import Policy
from portal.services.webhook_handler import WebhookHandler
from portal.services.webhook_trust import WebhookTrust
from portal.smtp.smtp_client import SmtpClient
from portal.store.clock import DatabaseClock
from portal.store.database import engine_of
from portal.store.database_errors import count_failures
from portal.store.encryption import ColumnCipher
from portal.store.history import History
from portal.store.locked_onboarding import Consequences
from portal.store.mail_outbox import MailOutbox
from portal.store.onboarding_retention import OnboardingRetention
from portal.store.onboarding_search import OnboardingSearch
from portal.store.outbox import Outbox
from portal.store.overview import OverviewReader
from portal.store.phone_codes import PhoneCodes
from portal.store.readiness import Readiness
from portal.store.reminder_queue import ReminderQueue
from portal.store.repository import Repository
from portal.store.served_addresses import ServedAddresses
from portal.store.shared_state import SharedState
from portal.store.wait_reader import WaitReader
from portal.store.wake_channel import WakeChannel
from portal.tracing import NoTraces, traces_as_set
from portal.web.consent import CONSENT_VERSION
from portal.web.context import Portal
from portal.web.document_numbers import COUNTRIES
from portal.web.flask_app import make_flask
from portal.web.links import AccessLinks, FormTokens, MailKeys
from portal.web.mail_texts import write_mail
from portal.web.refusals import Refusals
from portal.web.release import release_of
from portal.web.request_limits import RequestLimits
from portal.web.timed_requests import ROUTE

ONBOARDINGS, NOTIFICATIONS, MAILS = "onboardings", "notifications", "mails"
"""The workers, as other processes name them to wake them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What stores, services, runner and web have in common."""

    config: Config
    registry: Registry
    policy_for: Callable[[Onboarding], Policy]
    reminder_plan: ReminderPlan
    metrics: Metrics
    traces: NoTraces
    timings: Timings
    wake_onboardings: Wake
    wake_notifications: Wake
    wake_mails: Wake
    plan_mail: MailPlanner
    write_mail: WriteMail
    channel: WakeChannel


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    clock: DatabaseClock
    onboardings: Repository
    outbox: Outbox
    mails: MailOutbox
    reminder_queue: ReminderQueue
    history: History
    search: OnboardingSearch
    shared_state: SharedState
    phone_codes: PhoneCodes
    retention: OnboardingRetention
    readiness: Readiness
    waits: MeasuredWaits
    webhook_trust: WebhookTrust


@dataclass(frozen=True, slots=True)
class Services:
    onboardings: Onboardings
    partner_onboardings: PartnerOnboardings
    partner_changes: PartnerChanges
    operator_actions: OperatorActions


utc_now: Clock = partial(datetime.now, UTC)


def create_app(
    config: Config, *, clock: Clock = utc_now, gu1: Gu1 | None = None, timings: Timings | None = None
) -> Flask:
    """Serves the pages; `runner_of(app)` is its runner, not started yet."""
    app = make_flask(config)
    add_services(app, config, engine_of(config), clock=clock, gu1=gu1, timings=timings, traces=traces_as_set())
    return app


def add_services(
    app: Flask,
    config: Config,
    database: Engine,
    *,
    clock: Clock = utc_now,
    gu1: Gu1 | None = None,
    timings: Timings | None = None,
    traces: NoTraces | None = None,
) -> None:
    """Gives the pages of `make_flask` new services and a new runner, in place of any that they had."""
    registry = read_registry(config.partners_path, development=config.development)
    traces = traces or NoTraces()
    metrics, channel = traces.metrics(), WakeChannel(database)
    policy_for = Policies(config, registry).policy_for
    shared = Shared(
        config=config,
        registry=registry,
        policy_for=policy_for,
        reminder_plan=ReminderPlan(policy_for, config.photos_reminder),
        metrics=metrics,
        traces=traces,
        timings=timings or Timings(),
        wake_onboardings=Wake(lambda: channel.notify(ONBOARDINGS), lambda: channel.is_open),
        wake_notifications=Wake(lambda: channel.notify(NOTIFICATIONS), lambda: channel.is_open),
        wake_mails=Wake(lambda: channel.notify(MAILS), lambda: channel.is_open),
        plan_mail=MailPlanner(policy_for, registry.wants_mails),
        write_mail=partial(write_mail, app),
        channel=channel,
    )
    stores = _make_stores(shared, database, clock)
    services = _make_services(shared, stores)
    runner = _make_runner(shared, database, stores, services, gu1 or make_gu1(config, metrics))
    app.extensions["portal"] = _make_portal(shared, stores, services)
    app.extensions["portal_runner"] = runner
    at = app.extensions["portal"].access_links.onboarding_at
    app.wsgi_app = traces.trace_requests(app.wsgi_app, route=ROUTE, onboarding_at=at)  # type: ignore[method-assign, assignment]


def runner_of(app: Flask) -> RunnerThread:
    return cast(RunnerThread, app.extensions["portal_runner"])


def _make_stores(shared: Shared, engine: Engine, clock: Clock) -> Stores:
    cipher = ColumnCipher(shared.config.secret_keys)
    database_clock = DatabaseClock(engine, clock)
    retention = OnboardingRetention(engine)
    consequences = Consequences(
        notify_of=ChangeNotifier(shared.policy_for, shared.registry.wants_notifications),
        on_notification=shared.wake_notifications,
        record_of=ChangeRecorder(shared.policy_for, database_clock),
        remind_at=shared.reminder_plan.next_at,
        plan_mail=shared.plan_mail if shared.config.smtp_server else lambda _before, _after: None,
        on_mail=shared.wake_mails,
        on_erasure=retention.forget_deleted,
    )
    onboardings = Repository(engine, cipher, consequences, meter=shared.metrics)
    count_failures(lambda kind: shared.metrics.count("database_errors", kind=kind))
    shared_state = SharedState(engine, onboardings.quick_reads)
    return Stores(
        clock=database_clock,
        onboardings=onboardings,
        webhook_trust=WebhookTrust(shared_state, database_clock, shared.timings, shared.metrics),
        outbox=Outbox(engine, shared.metrics),
        mails=MailOutbox(engine, cipher, shared.metrics),
        reminder_queue=ReminderQueue(engine),
        history=History(engine),
        search=OnboardingSearch(engine),
        shared_state=shared_state,
        phone_codes=PhoneCodes(engine),
        retention=retention,
        readiness=Readiness(engine, onboardings.ping),
        waits=MeasuredWaits(WaitReader(engine), COUNTRIES),
    )


def _make_services(shared: Shared, stores: Stores) -> Services:
    keys = shared.config.secret_keys
    document_hash = KeyedHash(keys, "portal.document-number")
    identity = IdentityComparison(document_hash, KeyedHash(keys, "portal.name"))
    counters = StartCounters(KeyedHash(keys, "portal.start-counter"), shared.config.start_limits)
    onboardings = Onboardings(
        stores.onboardings,
        clock=stores.clock,
        identity=identity,
        policy_for=shared.policy_for,
        provider_hosts=ProviderHosts(shared.config.gu1_provider_hosts),
        meter=shared.metrics,
        timings=shared.timings,
        counters=counters,
        renaper_patience=shared.config.gu1_renaper_patience,
        webhook_trust=stores.webhook_trust,
        wake=shared.wake_onboardings,
    )
    request_hash = KeyedHash(keys, "portal.idempotency-key")
    partner_changes = PartnerChanges(
        store=stores.onboardings,
        clock=stores.clock,
        request_hash=request_hash,
        policy_for=shared.policy_for,
        wake=shared.wake_onboardings,
        outbox=stores.outbox,
        wake_notifications=shared.wake_notifications,
    )
    partner_onboardings = PartnerOnboardings(
        stores.onboardings,
        stores.history,
        clock=stores.clock,
        request_hash=request_hash,
        document_hash=document_hash,
        corrector=onboardings.corrector,
        counters=counters,
        policy_for=shared.policy_for,
        meter=shared.metrics,
        wake=shared.wake_onboardings,
    )
    operator_actions = OperatorActions(
        stores.onboardings,
        stores.search,
        stores.history,
        onboardings,
        partner_onboardings,
        clock=stores.clock,
        wake=shared.wake_onboardings,
    )
    return Services(onboardings, partner_onboardings, partner_changes, operator_actions)


def _make_runner(shared: Shared, database: Engine, stores: Stores, services: Services, gu1: Gu1) -> RunnerThread:
    clock, timings, meter = stores.clock, shared.timings, shared.metrics
    budget = Budget(stores.onboardings, stores.shared_state, shared.config.gu1_hourly_budget, clock)
    steps = OnboardingSteps(
        stores.onboardings, gu1, services.onboardings, clock=clock, timings=timings, meter=meter, budget=budget
    )
    notifier = HttpNotifier(egress_proxy=shared.config.egress_proxy)
    wakes = {
        ONBOARDINGS: shared.wake_onboardings.this_process,
        NOTIFICATIONS: shared.wake_notifications.this_process,
        MAILS: shared.wake_mails.this_process,
    }

    async def close() -> None:
        await gu1.aclose()
        await notifier.aclose()
        meter.flush()
        shared.traces.end()

    return RunnerThread(
        OnboardingWorker(
            stores.onboardings,
            shared.traces.trace_steps(steps.take, clock),
            clock=clock,
            timings=timings,
            wake=shared.wake_onboardings,
            before_claims=(stores.webhook_trust.measure, services.onboardings.views.save),
            limit=lambda: gu1.calls_allowed,
        ),
        NotificationWorker(
            stores.outbox,
            notifier,
            shared.registry.notification_endpoints,
            clock=clock,
            timings=timings,
            meter=meter,
            wake=shared.wake_notifications,
        ),
        _make_mail_worker(shared, stores, services),
        clock=clock,
        sync_clock=clock.set,
        show_queue=QueueFigures(
            meter,
            stores.search,
            OverviewReader(database),
            partners=shared.registry.partners,
            hourly_budget=shared.config.gu1_hourly_budget,
        ).show,
        show_process=ProcessFigures(meter, database, gu1, stores.webhook_trust).show,
        start_checks=lambda now: stores.onboardings.start_verification_checks(now, limit=SLICE_OF_CHECKS),
        remind=Reminders(stores.reminder_queue, stores.onboardings, shared.reminder_plan).remind,
        measure=stores.waits.measure,
        beat=Heartbeat(ServedAddresses(database), shared.config.base_url).beat,
        purge_expired=_make_housekeeping(shared, stores),
        close=close,
        listen=lambda is_stopping: shared.channel.listen(wakes, is_stopping),
    )


def _make_housekeeping(shared: Shared, stores: Stores) -> SingletonJob:
    housekeeping = Housekeeping(
        stores.shared_state,
        stores.outbox,
        stores.onboardings,
        stores.retention,
        attempts_window=shared.config.attempts_window,
        mails=stores.mails,
        kept_for=shared.config.retention,
        meter=shared.metrics,
    )
    return SingletonJob(stores.shared_state, TURN, housekeeping.purge_expired, every=TURN_EVERY)


def _make_mail_worker(shared: Shared, stores: Stores, services: Services) -> MailWorker | None:
    """None without a mail server."""
    config = shared.config
    if config.smtp_server is None or config.mail_from is None:
        return None
    return MailWorker(
        stores.mails,
        SmtpClient(config.smtp_server, config.mail_from, config.host, stores.clock),
        services.onboardings.get,
        shared.plan_mail.is_current,
        shared.write_mail,
        clock=stores.clock,
        timings=shared.timings,
        meter=shared.metrics,
        wake=shared.wake_mails,
    )


def _make_portal(shared: Shared, stores: Stores, services: Services) -> Portal:
    config, clock = shared.config, stores.clock
    return Portal(
        config=config,
        partners=shared.registry,
        onboardings=services.onboardings,
        partner_onboardings=services.partner_onboardings,
        partner_changes=services.partner_changes,
        backend_test=BackendTest(
            shared.registry.notification_endpoints,
            partial(send_now, config.egress_proxy),
            clock=clock,
            request_hash=KeyedHash(config.secret_keys, "portal.idempotency-key"),
        ),
        operator_actions=services.operator_actions,
        erasure_requests=ErasureRequests(stores.onboardings, clock=clock, meter=shared.metrics),
        webhooks=WebhookHandler(stores.shared_state, services.onboardings, clock),
        waits=stores.waits,
        phone_handover=PhoneHandover(
            stores.onboardings, stores.phone_codes, config.secret_keys, clock=clock, policy_for=shared.policy_for
        ),
        access_links=AccessLinks(config.secret_keys, clock),
        form_tokens=FormTokens(config.secret_keys, CONSENT_VERSION, clock),
        mail_keys=MailKeys(config.secret_keys),
        stop_mails=lambda of, now: stores.mails.stop(of, now=now, outcome="not wanted any more"),
        clock=clock,
        metrics=shared.metrics,
        refusals=Refusals(shared.metrics),
        request_limits=RequestLimits(
            config.request_limit_storage, KeyedHash(config.secret_keys, "portal.request-limits"), shared.metrics
        ),
        release=release_of(config, shared.registry),
        poll_states_nonblocking=stores.onboardings.poll_states_nonblocking,
        check_ready=stores.readiness.check,
    )
