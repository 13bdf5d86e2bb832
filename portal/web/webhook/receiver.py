"""gu1's webhooks: 200 only after the delivery was stored, 401 if the signature is wrong."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from portal.domain.errors import Malformed, StoreUnavailable
from portal.gu1.signed_webhook import parse_webhook
from portal.web.context import portal
from portal.web.error_pages import retry_soon
from portal.web.problem_details import problem
from portal.web.refusals import Refusal
from portal.web.webhook.on_the_loop import DELIVERY, NOT_KEPT, WEBHOOK_PATH

webhook = Blueprint("webhook", __name__)

WEBHOOK_BYTES = 1024 * 1024
"""Far more than a form: a whole row carries its decision."""


@webhook.post(WEBHOOK_PATH)
def receive() -> ResponseReturnValue:
    request.max_content_length = WEBHOOK_BYTES
    body = request.get_data(cache=False)
    try:
        delivery = request.environ.get(DELIVERY)
        outcome = (delivery and delivery.outcome) or _outcome_of(body)
    except Malformed:
        outcome = "malformed"
    except StoreUnavailable:
        outcome = NOT_KEPT
    portal().metrics.count("webhooks", outcome=outcome)
    if outcome == NOT_KEPT:
        return retry_soon(problem("unavailable", "This delivery could not be stored; send it again"))
    if outcome == "unsigned":
        portal().refusals.count(Refusal.FORGED_WEBHOOK)
        return problem("invalid_credentials", "Invalid signature")
    if outcome == "malformed":
        return problem("invalid_json", "This body is not a JSON object")
    return {"outcome": outcome}, 200


def _outcome_of(body: bytes) -> str:
    verified = parse_webhook(body, request.headers.get("X-Webhook-Signature"), portal().config.gu1_webhook_secrets)
    return portal().webhooks.handle(verified, body) if verified else "unsigned"
