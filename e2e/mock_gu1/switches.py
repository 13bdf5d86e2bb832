"""The switches of the mock: API variant, faults and webhooks. JSON or a form; needs no key."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, NotFound

from e2e.mock_gu1.api_variants import UnknownWord
from e2e.mock_gu1.faults import WrongFault
from e2e.mock_gu1.forms import as_number, done, told
from e2e.mock_gu1.kinds import KINDS
from e2e.mock_gu1.mock import current_mock
from e2e.mock_gu1.rows import Json
from e2e.mock_gu1.webhook_faults import WrongSwitch
from e2e.mock_gu1.wrong_shapes import COUNT, described

switches = Blueprint("switches", __name__, url_prefix="/_mock")

FORM_ONLY = "back"
ORDERS = ("as_held", "reversed", "shuffled")


@switches.get("/world")
def show_variant() -> ResponseReturnValue:
    return jsonify(current_mock().variants.described())


@switches.post("/world")
def change_variant() -> ResponseReturnValue:
    variants = current_mock().variants
    try:
        variants.change(_told())
    except UnknownWord as error:
        raise BadRequest(str(error)) from None
    return done(variants.described())


@switches.get("/faults")
def show_faults() -> ResponseReturnValue:
    return jsonify(faults=current_mock().faults.listed())


@switches.post("/faults")
def order_fault() -> ResponseReturnValue:
    """`parameters` may be an object, text, or part of the body: `seconds=3 when=after`."""
    body = _told()
    more = body.pop("parameters", {})
    if isinstance(more, str):
        more = dict(word.split("=", 1) for word in more.split() if "=" in word)
    if not isinstance(more, dict):
        raise BadRequest("parameters must be an object")
    try:
        return done(current_mock().faults.order(body | more), 201)
    except WrongFault as error:
        raise BadRequest(str(error)) from None


@switches.delete("/faults")
@switches.post("/faults/clear", endpoint="clear_faults_by_form")
def clear_faults() -> ResponseReturnValue:
    current_mock().faults.reset()
    return done()


@switches.get("/kinds")
def show_kinds() -> ResponseReturnValue:
    return jsonify(
        kinds=[
            {"kind": kind.name, "what": kind.what, "parameters": kind.parameters, "needs_socket": kind.is_raw}
            for kind in KINDS.values()
        ]
    )


@switches.get("/shapes")
def show_shapes() -> ResponseReturnValue:
    return jsonify(count=COUNT, shapes=[described(number) for number in range(COUNT)])


@switches.get("/webhooks")
def show_webhooks() -> ResponseReturnValue:
    webhooks = current_mock().webhooks
    return jsonify(switches=webhooks.faults.described(), deliveries=webhooks.deliveries())


@switches.post("/webhooks")
def set_webhook_faults() -> ResponseReturnValue:
    """`envelope` is short for the switch `webhook_envelope`."""
    mock, changes = current_mock(), _told()
    envelope = changes.pop("envelope", None)
    try:
        mock.webhooks.faults.changed(changes)
        if envelope is not None:
            mock.variants.change({"webhook_envelope": envelope})
        mock.webhooks.set_faults(changes)
    except (WrongSwitch, UnknownWord) as error:
        raise BadRequest(str(error)) from None
    return done(mock.webhooks.faults.described() | {"envelope": mock.variant.webhook_envelope})


@switches.post("/webhooks/release")
def release_webhooks() -> ResponseReturnValue:
    order = str(_told().get("order", "as_held"))
    if order not in ORDERS:
        raise BadRequest(f"order is one of {', '.join(ORDERS)}")
    return done({"released": current_mock().webhooks.release(order)})


@switches.post("/webhooks/replay")
def replay_webhook() -> ResponseReturnValue:
    number = as_number(_told().get("number"))
    if number is None or not current_mock().webhooks.replay(int(number)):
        raise NotFound("There is no delivery of that number")
    return done({"replayed": int(number)})


@switches.post("/webhooks/send")
def send_webhook() -> ResponseReturnValue:
    """Any event: about a validation, about an entity, or with any payload."""
    mock, body = current_mock(), _told()
    event = body.get("event")
    if not isinstance(event, str) or not event:
        raise BadRequest("event is required")
    mock.webhooks.announce_other(event, _payload(body))
    return done({"sent": event})


def _payload(body: Json) -> Json:
    mock, payload = current_mock(), body.get("payload", {})
    if not isinstance(payload, dict):
        raise BadRequest("payload must be an object")
    if "validation" in body:
        row = mock.state.validation(str(body["validation"]))
        if row is None:
            raise NotFound("There is no such validation")
        return mock.shapes.validation(row) | payload
    if "entity" in body:
        entity = mock.state.entity(str(body["entity"]))
        if entity is None:
            raise NotFound("There is no such entity")
        return mock.shapes.entity(entity) | payload
    return payload


def _told() -> Json:
    return {key: value for key, value in told().items() if key != FORM_ONLY}
