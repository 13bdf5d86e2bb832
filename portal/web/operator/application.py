"""The Flask application of the operator's page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response
from jinja2 import StrictUndefined

from portal.web.operator.guard import init_guard
from portal.web.operator.handlers import operator_pages
from portal.web.operator.operator_services import OperatorServices
from portal.web.refusals import Refusal


def make_operator_app(
    services: OperatorServices, token: str | None, templates: Path, on_refusal: Callable[[Refusal], None]
) -> Flask:
    app = Flask("portal.operator", static_folder=None, template_folder=str(templates))
    app.jinja_options = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    app.extensions["operator_services"] = services
    init_guard(app, token, on_refusal)
    app.register_blueprint(operator_pages)
    style = (templates / "operator" / "style.css").read_text("utf-8")
    app.add_url_rule("/style.css", "operator_style", lambda: Response(style, mimetype="text/css"))
    return app
