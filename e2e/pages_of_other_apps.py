"""For the gallery: mails as a mail program shows them, and the operator's pages."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

from flask import Flask, abort, request
from flask.testing import FlaskClient

from portal.config import Config
from portal.domain.onboarding import Onboarding
from portal.operator_app import operator_app
from portal.services.mail import Mail, MailKind, Recipient
from portal.web.context import Portal
from portal.web.mail_texts import write_mail
from tests.factories import NOW

TOKEN = "kR7wPz2mXq9vLd4T"


def mail_app(portal_app: Flask) -> Flask:
    """Shows a mail at `/<kind>/<onboarding's id>?lang=…`."""
    app = Flask("mails", static_folder=None)
    found: Portal = portal_app.extensions["portal"]

    @app.get("/<kind>/<onboarding_id>")
    def mail(kind: str, onboarding_id: str) -> str:
        if kind not in {*MailKind}:
            abort(404)
        about: Onboarding = replace(found.onboardings.get(onboarding_id), locale=request.args["lang"])
        sent = Mail(
            id="mail-1",
            onboarding_id=onboarding_id,
            kind=kind,
            occasion="",
            created_at=NOW,
            due_at=None,
            lease_until=None,
        )
        return write_mail(portal_app, sent, about, Recipient("ana@example.com", "Ana María")).html

    return app


def operators_pages(config: Config) -> Flask:
    app = operator_app(config.model_copy(update={"operator_token": TOKEN}), clock=lambda: NOW)
    app.test_client_class = _Operator
    return app


class _Operator(FlaskClient):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.environ_base["HTTP_AUTHORIZATION"] = "Basic " + b64encode(f"ana:{TOKEN}".encode()).decode()
