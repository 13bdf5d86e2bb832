"""The mock's own control API: its state, its validations and its clock. Needs no key."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from e2e.mock_gu1.clock import iso
from e2e.mock_gu1.forms import done, seconds_in, told
from e2e.mock_gu1.ledger import ledger as drawn_up
from e2e.mock_gu1.mock import current_mock
from e2e.mock_gu1.operations import OPERATIONS
from e2e.mock_gu1.outcomes import FOR_OPERATORS, offered
from e2e.mock_gu1.scenarios import SCENARIOS

control = Blueprint("control", __name__, url_prefix="/_mock")


@control.get("/ledger")
def ledger() -> ResponseReturnValue:
    return jsonify(drawn_up(current_mock().state.validations()))


@control.get("/scenarios")
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


@control.get("/outcomes")
def outcomes() -> ResponseReturnValue:
    return jsonify(
        outcomes=[
            {"outcome": outcome.key, "label": outcome.label, "status": outcome.status, "code": outcome.code}
            for group in FOR_OPERATORS.values()
            for outcome in group
        ],
        operations=list(OPERATIONS),
    )


@control.post("/outage")
def outage() -> ResponseReturnValue:
    current_mock().availability.go_down(seconds_in(told()))
    return done()


@control.post("/reset")
def reset() -> ResponseReturnValue:
    current_mock().reset()
    return done()


@control.get("/clock")
def clock() -> ResponseReturnValue:
    return jsonify(now=iso(current_mock().state.now()))


@control.post("/clock")
def advance() -> ResponseReturnValue:
    """Runs delayed work that becomes due and expires old sessions."""
    mock = current_mock()
    mock.agenda.advance(seconds_in(told(), "advance_seconds"))
    mock.lifecycle.expire_overdue()
    return done({"now": iso(mock.state.now())})


@control.post("/validations/<validation_id>/outcome")
def force(validation_id: str) -> ResponseReturnValue:
    """Works in any status, like a reviewer at the provider."""
    outcome = offered(str(told().get("outcome", "")), FOR_OPERATORS)
    if outcome is None:
        raise BadRequest("GET /_mock/outcomes lists what outcome may be")
    mock = current_mock()
    row = mock.lifecycle.force(validation_id, outcome)
    if row is None:
        raise NotFound("There is no such validation")
    return done(mock.shapes.validation(row))


@control.post("/entities/<entity_id>/delete")
def delete_entity(entity_id: str) -> ResponseReturnValue:
    """Its validations stay."""
    if not current_mock().state.delete_entity(entity_id):
        raise NotFound("There is no such entity")
    return done()


@control.post("/validations/<validation_id>/sync")
def sync(validation_id: str) -> ResponseReturnValue:
    mock = current_mock()
    row = mock.lifecycle.sync(validation_id)
    if row is None:
        raise NotFound("There is no such validation")
    return done(mock.shapes.validation(row))


@control.post("/validations/<validation_id>/replay")
def replay(validation_id: str) -> ResponseReturnValue:
    """Sends its latest webhook again."""
    mock = current_mock()
    number = mock.webhooks.latest_of(validation_id)
    if number is None or not mock.webhooks.replay(number):
        raise NotFound("No webhook was sent for this validation")
    return done({"replayed": number})
