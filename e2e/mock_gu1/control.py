"""What only a mock has: a look inside, and a few switches. No key is asked for."""

from __future__ import annotations

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue

from e2e.mock_gu1.errors import invalid, json_body
from e2e.mock_gu1.mock import current_mock
from e2e.mock_gu1.scenarios import SCENARIOS

control = Blueprint("control", __name__)


@control.get("/")
def overview() -> ResponseReturnValue:
    state = current_mock().state
    rows = [(validation, state.entity(validation.entity_id)) for validation in state.validations()]
    return render_template("overview.html", rows=rows, ledger=state.ledger(), is_down=state.is_down())


@control.get("/_mock/ledger")
def ledger() -> ResponseReturnValue:
    return jsonify(current_mock().state.ledger())


@control.get("/_mock/scenarios")
def scenarios() -> ResponseReturnValue:
    return jsonify(
        scenarios=[
            {
                "document": scenario.document,
                "name": scenario.name,
                "outcomes": [{"status": outcome.status, "code": outcome.code} for outcome in scenario.outcomes],
                "hosted": scenario.hosted,
                "origin": scenario.origin,
                "what": scenario.what,
            }
            for scenario in SCENARIOS
        ]
    )


@control.post("/_mock/outage")
def outage() -> ResponseReturnValue:
    seconds = json_body().get("seconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
        raise invalid("seconds must be a number from 0 up")
    current_mock().state.go_down(seconds)
    return "", 204


@control.post("/_mock/reset")
def reset() -> ResponseReturnValue:
    current_mock().state.reset()
    return "", 204
