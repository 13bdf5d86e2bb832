"""The mock as a WSGI application; usable in-process through `httpx.WSGITransport`."""

from __future__ import annotations

from typing import Any

from flask import Flask

from e2e.mock_gu1.actions import actions
from e2e.mock_gu1.api_variants import SWITCHES, ApiVariant, CurrentVariant, changed
from e2e.mock_gu1.availability import Availability
from e2e.mock_gu1.clock import Agenda, Clock, Later, on_a_timer, utc_now
from e2e.mock_gu1.control import control
from e2e.mock_gu1.control_page import control_page
from e2e.mock_gu1.entities import entities
from e2e.mock_gu1.envelopes import Envelopes
from e2e.mock_gu1.errors import register_errors
from e2e.mock_gu1.faults import Faults
from e2e.mock_gu1.hosted import hosted
from e2e.mock_gu1.inbox import EXTENSION as INBOX
from e2e.mock_gu1.inbox import Inbox, inbox_pages
from e2e.mock_gu1.kyc import kyc
from e2e.mock_gu1.lifecycle import Lifecycle
from e2e.mock_gu1.mock import EXTENSION, Mock
from e2e.mock_gu1.settings import Settings
from e2e.mock_gu1.shapes import Shapes
from e2e.mock_gu1.state import State
from e2e.mock_gu1.switches import switches
from e2e.mock_gu1.webhooks import PAUSES, Deliver, Webhooks, over_http

_SWITCHES = frozenset(switch.name for switch in SWITCHES)


def create_mock(
    *,
    now: Clock = utc_now,
    later: Later = on_a_timer,
    deliver: Deliver = over_http,
    pauses: tuple[float, ...] = PAUSES,
    envelope: str = "v2b",
    **options: Any,
) -> Flask:
    """`options` are the fields of `Settings` and of `ApiVariant`; `envelope` is short for `webhook_envelope`.

    Its parts are in `app.extensions["mock_gu1"]`.
    """
    options.setdefault("webhook_envelope", envelope)
    variant = changed(ApiVariant(), {name: options.pop(name) for name in _SWITCHES & set(options)})
    app = Flask(__name__)
    mock = _assemble(Settings(**options), variant, Agenda(now, later), deliver, pauses)
    app.extensions[EXTENSION] = mock
    app.extensions[INBOX] = Inbox()
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.before_request(mock.lifecycle.expire_overdue)
    app.register_blueprint(entities, url_prefix="/api/entities")
    app.register_blueprint(entities, url_prefix="/entities", name="entities_without_api")
    app.register_blueprint(kyc, url_prefix="/api/kyc")
    app.register_blueprint(actions, url_prefix="/api/kyc/validations")
    app.register_blueprint(hosted)
    app.register_blueprint(control)
    app.register_blueprint(switches)
    app.register_blueprint(control_page)
    app.register_blueprint(inbox_pages)
    register_errors(app)
    app.wsgi_app = mock.faults.around(app.wsgi_app)  # type: ignore[assignment]
    return app


def _assemble(
    settings: Settings, variant: ApiVariant, agenda: Agenda, deliver: Deliver, pauses: tuple[float, ...]
) -> Mock:
    variants = CurrentVariant(variant)
    state = State(agenda.now)
    shapes = Shapes(settings.organization_id, variants)
    envelopes = Envelopes(settings.organization_id, variants, shapes, state.now)
    webhooks = Webhooks(settings, variants, envelopes, state.now, deliver=deliver, pauses=pauses)
    return Mock(
        settings=settings,
        variants=variants,
        agenda=agenda,
        state=state,
        availability=Availability(agenda.now),
        shapes=shapes,
        webhooks=webhooks,
        lifecycle=Lifecycle(settings, variants, state, webhooks, agenda),
        faults=Faults(settings.seed, agenda.after),
    )
