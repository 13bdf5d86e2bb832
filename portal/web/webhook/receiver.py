"""gu1's door: 200 only for what was kept, 401 for what gu1 did not sign."""

from __future__ import annotations

import logging

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from portal.domain.errors import Malformed, StoreUnavailable
from portal.web.context import portal
from portal.web.problem_details import problem

log = logging.getLogger(__name__)

webhook = Blueprint("webhook", __name__)

WEBHOOK_BYTES = 1024 * 1024
"""A whole row with its decision is far larger than a form."""


@webhook.post("/webhooks/gu1")
def receive() -> ResponseReturnValue:
    request.max_content_length = WEBHOOK_BYTES
    body = request.get_data(cache=False)
    try:
        news = portal().parse_webhook(body, request.headers.get("X-Webhook-Signature"))
        outcome = portal().webhooks.handle(news, body) if news else "unsigned"
    except Malformed:
        outcome = "malformed"
    except StoreUnavailable:
        portal().metrics.count("webhooks", outcome="not_kept")
        return problem(503, "This delivery could not be kept; send it again")
    portal().metrics.count("webhooks", outcome=outcome)
    if outcome == "unsigned":
        log.warning("a webhook with a wrong or missing signature was refused")
        return problem(401, "Invalid signature")
    if outcome == "malformed":
        return problem(400, "This body is no JSON object")
    return {"outcome": outcome}, 200
