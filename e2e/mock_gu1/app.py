"""The mock as a WSGI application; usable in-process through `httpx.WSGITransport`."""

from __future__ import annotations

from flask import Flask

from e2e.mock_gu1.clock import Clock, Later, on_a_timer, utc_now
from e2e.mock_gu1.control import control
from e2e.mock_gu1.entities import entities
from e2e.mock_gu1.errors import register_errors
from e2e.mock_gu1.hosted import hosted
from e2e.mock_gu1.kyc import kyc
from e2e.mock_gu1.life import Life
from e2e.mock_gu1.mock import EXTENSION, Mock
from e2e.mock_gu1.settings import (
    DEFAULT_API_KEY,
    DEFAULT_INTEGRATION_CODE,
    DEFAULT_ORGANIZATION_ID,
    DuplicateShape,
    Envelope,
    Settings,
)
from e2e.mock_gu1.state import State
from e2e.mock_gu1.webhooks import PAUSES, Deliver, Webhooks, by_post


def create_mock(
    *,
    api_key: str = DEFAULT_API_KEY,
    integration_code: str = DEFAULT_INTEGRATION_CODE,
    organization_id: str = DEFAULT_ORGANIZATION_ID,
    public_url: str | None = None,
    return_url: str | None = None,
    webhook_url: str | None = None,
    webhook_secret: str = "",
    envelope: Envelope = "v2b",
    duplicate_shape: DuplicateShape = "nested",
    auto_delay: float = 2.0,
    now: Clock = utc_now,
    later: Later = on_a_timer,
    deliver: Deliver = by_post,
    pauses: tuple[float, ...] = PAUSES,
) -> Flask:
    """Its parts are in `app.extensions["mock_gu1"]`, a `Mock`."""
    settings = Settings(
        api_key=api_key,
        integration_code=integration_code,
        organization_id=organization_id,
        public_url=public_url,
        return_url=return_url,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        envelope=envelope,
        duplicate_shape=duplicate_shape,
        auto_delay=auto_delay,
    )
    return _assemble(settings, now, later, deliver, pauses)


def _assemble(settings: Settings, now: Clock, later: Later, deliver: Deliver, pauses: tuple[float, ...]) -> Flask:
    state = State(now)
    webhooks = Webhooks(settings, state, deliver=deliver, pauses=pauses)
    app = Flask(__name__)
    app.extensions[EXTENSION] = Mock(settings, state, Life(settings, state, webhooks, later), webhooks)
    app.register_blueprint(entities, url_prefix="/api/entities")
    app.register_blueprint(entities, url_prefix="/entities", name="entities_without_api")
    app.register_blueprint(kyc, url_prefix="/api/kyc")
    app.register_blueprint(hosted)
    app.register_blueprint(control)
    register_errors(app)
    return app
