"""The one place where everything meets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TypedDict, cast

from flask import Flask
from jinja2 import StrictUndefined
from sqlalchemy import Engine as Database
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.config import Config, load_config
from portal.domain.onboarding import Onboarding
from portal.domain.provider_hosts import ProviderHosts
from portal.domain.timings import Timings
from portal.gu1.client import Gu1Client
from portal.http.notifier import HttpNotifier
from portal.logs import set_up_logging
from portal.metrics import Metrics
from portal.partners.policies import Policies
from portal.partners.registry import Registry
from portal.partners.toml_file import read_registry
from portal.runner.housekeeping import Housekeeping
from portal.runner.notification_worker import NotificationWorker
from portal.runner.onboarding_worker import OnboardingWorker
from portal.runner.thread import RunnerThread
from portal.services.budget import Budget
from portal.services.keyed_hash import KeyedHash
from portal.services.onboarding_steps import OnboardingSteps
from portal.services.onboardings import Onboardings
from portal.services.partner_onboardings import PartnerOnboardings
from portal.services.ports import Clock, Gu1, Meter
from portal.services.summary import ChangeNotifier
from portal.services.validation_plan import Policy
from portal.services.webhook_handler import WebhookHandler
from portal.store.clock import DatabaseClock
from portal.store.database import make_engine
from portal.store.encryption import ColumnCipher
from portal.store.outbox import Outbox
from portal.store.repository import Repository
from portal.store.shared_state import SharedState
from portal.web.applicant.pages import applicant
from portal.web.applicant.partner_return import partner_return
from portal.web.applicant.second_device import second_device
from portal.web.assets import init_assets
from portal.web.branding import brand, branding
from portal.web.consent import CONSENT_VERSION
from portal.web.context import Portal
from portal.web.embed.script import init_embed
from portal.web.error_pages import init_errors
from portal.web.framing import init_framing
from portal.web.i18n import init_i18n
from portal.web.in_app_browser import in_app_browser
from portal.web.links import AccessLinks, FormTokens
from portal.web.operations.probes import operations
from portal.web.partner_api.endpoints import partner_api
from portal.web.security import init_security
from portal.web.webhook.receiver import webhook

_PACKAGE = Path(__file__).parent


class Shared(TypedDict):
    """What every use case is given."""

    clock: Clock
    policy_for: Callable[[Onboarding], Policy]
    meter: Meter
    wake: Callable[[], None]


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    config: Config, *, clock: Clock = utc_now, gu1: Gu1 | None = None, timings: Timings | None = None
) -> Flask:
    """A portal that serves pages. Its engine is in `runner_of(app)`, not started yet."""
    timings, metrics, partners = timings or Timings(), Metrics(), read_registry(config.partners_path)
    database = make_engine(config.database_url)
    clock = shared_clock = DatabaseClock(database, clock)
    policy_for, gu1 = Policies(config, partners).policy_for, gu1 or make_gu1(config, metrics)
    shared_state, change_notifier = SharedState(database), ChangeNotifier(policy_for, partners.wants_notifications)
    runner = _make_runner(database, gu1, partners, clock=shared_clock, timings=timings, metrics=metrics)
    store = Repository(database, ColumnCipher(config.secret_keys), change_notifier, runner.wake_notifications)
    runner.forget = Housekeeping(shared_state, Outbox(database), store).forget
    numbers, keys = (KeyedHash(config.secret_keys, f"portal.{of}") for of in ("document-number", "idempotency-key"))
    work: Shared = {"clock": clock, "policy_for": policy_for, "meter": metrics, "wake": runner.wake}
    hosts = ProviderHosts(config.gu1_provider_hosts)
    onboardings = Onboardings(store, keyed_hash=numbers, provider_hosts=hosts, timings=timings, **work)
    partner_onboardings = PartnerOnboardings(store, keyed_hash=keys, numbers=numbers, **work)
    budget = Budget(store, shared_state, config.gu1_hourly_budget, clock)
    steps = OnboardingSteps(store, gu1, onboardings, clock=clock, timings=timings, meter=metrics, budget=budget)
    runner.onboardings = OnboardingWorker(store, steps.take, clock=clock, timings=timings)
    app = _flask(config)
    app.extensions["portal_runner"] = runner
    app.extensions["portal"] = Portal(
        config=config,
        partners=partners,
        onboardings=onboardings,
        partner_onboardings=partner_onboardings,
        webhooks=WebhookHandler(shared_state, onboardings, clock),
        access_links=AccessLinks(config.secret_keys, clock),
        form_tokens=FormTokens(config.secret_keys, CONSENT_VERSION, clock),
        clock=clock,
        metrics=metrics,
        check_ready=store.ping,
    )
    return app


def runner_of(app: Flask) -> RunnerThread:
    return cast(RunnerThread, app.extensions["portal_runner"])


def serving_app() -> Flask:
    """What each worker process of the server runs: pages, and an engine beside them."""
    config = load_config()
    set_up_logging(config.log_level)
    app = create_app(config)
    runner = runner_of(app)
    runner.start()
    # Before the interpreter ends its thread pools, without which no step could write its outcome.
    Finalize(None, runner.stop, exitpriority=1)
    return app


def make_gu1(config: Config, metrics: Metrics) -> Gu1Client:
    return Gu1Client(
        base_url=config.gu1_base_url,
        api_key=config.gu1_api_key,
        integration_code=config.gu1_integration_code,
        organization_id=config.gu1_organization_id,
        entities_path=config.gu1_entities_path,
        on_call=metrics.gu1_call,
    )


def folder(name: str) -> Path:
    """Inside the package where it was installed from a wheel, beside it in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def _make_runner(
    database: Database,
    gu1: Gu1,
    partners: Registry,
    *,
    clock: DatabaseClock,
    timings: Timings,
    metrics: Metrics,
) -> RunnerThread:
    """All that works beside the pages, but for the engine itself."""
    outbox, notifier = Outbox(database), HttpNotifier()

    async def close() -> None:
        await gu1.aclose()
        await notifier.aclose()

    runner = RunnerThread(clock=clock, set_clock=clock.set, close=close)
    runner.notifications = NotificationWorker(
        outbox, notifier, partners.notification_endpoints, clock=clock, timings=timings, meter=metrics
    )
    return runner


def _flask(config: Config) -> Flask:
    app = Flask("portal", static_folder=None, template_folder=str(folder("templates")))
    app.jinja_options = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    if config.trusted_proxies:
        hops = config.trusted_proxies
        fixed = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_port=hops)
        app.wsgi_app = fixed  # type: ignore[method-assign]
    init_security(app, base_url=config.base_url)
    init_i18n(app, translations=str(_PACKAGE / "translations"), default_locale=config.default_locale)
    init_assets(app, folder("static"))
    init_framing(app)
    init_embed(app, folder("static") / "embed.js", config.gu1_provider_hosts)
    init_errors(app)
    app.jinja_env.globals.update(in_app_browser=in_app_browser, base_url=config.base_url, brand=brand)
    for blueprint in (applicant, branding, partner_return, second_device, partner_api, webhook, operations):
        app.register_blueprint(blueprint)
    return app
