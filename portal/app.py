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

from portal.background import Background
from portal.config import Config, load_config
from portal.courier import HttpCourier
from portal.domain.onboarding import Onboarding
from portal.domain.provider_hosts import ProviderHosts
from portal.gu1.client import Gu1Client
from portal.gu1.webhook import WebhookEvent, read_webhook, verify
from portal.logs import set_up_logging
from portal.metrics import Metrics
from portal.partners import Registry
from portal.partners_file import read_registry
from portal.services.budget import Budget
from portal.services.customers import Customers
from portal.services.digests import Digests
from portal.services.engine import Engine
from portal.services.housekeeping import Housekeeping
from portal.services.onboardings import Onboardings
from portal.services.pace import Pace
from portal.services.planning import Rules
from portal.services.ports import Clock, Gu1, Meter
from portal.services.steps import Steps
from portal.services.summary import Announcer
from portal.services.telling import Telling
from portal.services.webhooks import Webhooks
from portal.store.clock import DatabaseClock
from portal.store.engine import make_engine
from portal.store.events import Outbox
from portal.store.notes import Notes
from portal.store.repository import Repository
from portal.store.sealing import Sealer
from portal.terms import Terms
from portal.web.assets import init_assets
from portal.web.branding import brand, branding
from portal.web.consent import CONSENT_VERSION
from portal.web.context import Portal
from portal.web.embed import init_embed
from portal.web.errors import init_errors
from portal.web.i18n import init_i18n
from portal.web.in_app import in_app_browser
from portal.web.links import Links, Tokens
from portal.web.ops import ops
from portal.web.pages import pages
from portal.web.partner_api import partner_api
from portal.web.second_device import second_device
from portal.web.security import init_security
from portal.web.way_back import way_back
from portal.web.webhook import webhook

_PACKAGE = Path(__file__).parent


class Shared(TypedDict):
    """What every use case is given."""

    clock: Clock
    rules_for: Callable[[Onboarding], Rules]
    meter: Meter
    wake: Callable[[], None]


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(config: Config, *, clock: Clock = utc_now, gu1: Gu1 | None = None, pace: Pace | None = None) -> Flask:
    """A portal that serves pages. Its engine is in `background_of(app)`, not started yet."""
    pace, metrics, partners = pace or Pace(), Metrics(), read_registry(config.partners_path)
    database = make_engine(config.database_url)
    clock = shared_clock = DatabaseClock(database, clock)
    rules_for, gu1 = Terms(config, partners).rules_for, gu1 or make_gu1(config, metrics)
    notes, announcer = Notes(database), Announcer(rules_for, partners.listens)
    background = _background(database, gu1, partners, clock=shared_clock, pace=pace, metrics=metrics)
    store = Repository(database, Sealer(config.secret_keys), announcer, background.wake_telling)
    background.forget = Housekeeping(notes, Outbox(database), store).forget
    numbers, keys = (Digests(config.secret_keys, f"portal.{of}") for of in ("document-number", "idempotency-key"))
    work: Shared = {"clock": clock, "rules_for": rules_for, "meter": metrics, "wake": background.wake}
    hosts = ProviderHosts(config.gu1_provider_hosts)
    onboardings = Onboardings(store, digests=numbers, provider_hosts=hosts, pace=pace, **work)
    customers = Customers(store, digests=keys, numbers=numbers, **work)
    budget = Budget(store, notes, config.gu1_hourly_budget, clock)
    steps = Steps(store, gu1, onboardings, clock=clock, pace=pace, meter=metrics, budget=budget)
    background.engine = Engine(store, steps.take, clock=clock, pace=pace)
    app = _flask(config)
    app.extensions["portal_background"] = background
    app.extensions["portal"] = Portal(
        config=config,
        partners=partners,
        onboardings=onboardings,
        customers=customers,
        webhooks=Webhooks(notes, onboardings, clock),
        links=Links(config.secret_keys, clock),
        tokens=Tokens(config.secret_keys, CONSENT_VERSION, clock),
        clock=clock,
        metrics=metrics,
        read_news=_read_news(config.gu1_webhook_secrets),
        check_ready=store.ping,
    )
    return app


def background_of(app: Flask) -> Background:
    return cast(Background, app.extensions["portal_background"])


def serving_app() -> Flask:
    """What each worker process of the server runs: pages, and an engine beside them."""
    config = load_config()
    set_up_logging(config.log_level)
    app = create_app(config)
    background = background_of(app)
    background.start()
    # Before the interpreter ends its thread pools, without which no step could write its outcome.
    Finalize(None, background.stop, exitpriority=1)
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


def _background(
    database: Database,
    gu1: Gu1,
    partners: Registry,
    *,
    clock: DatabaseClock,
    pace: Pace,
    metrics: Metrics,
) -> Background:
    """All that works beside the pages, but for the engine itself."""
    outbox, courier = Outbox(database), HttpCourier()

    async def close() -> None:
        await gu1.aclose()
        await courier.aclose()

    background = Background(clock=clock, set_clock=clock.set, close=close)
    background.telling = Telling(outbox, courier, partners.listeners, clock=clock, pace=pace, meter=metrics)
    return background


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
    init_embed(app, folder("static") / "embed.js", config.gu1_provider_hosts)
    init_errors(app)
    app.jinja_env.globals.update(in_app_browser=in_app_browser, base_url=config.base_url, brand=brand)
    for blueprint in (pages, branding, way_back, second_device, partner_api, webhook, ops):
        app.register_blueprint(blueprint)
    return app


def _read_news(secrets: tuple[str, ...]) -> Callable[[bytes, str | None], WebhookEvent | None]:
    def read(body: bytes, signature: str | None) -> WebhookEvent | None:
        return read_webhook(body) if verify(body, signature, secrets) else None

    return read
