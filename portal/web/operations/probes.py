"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue

from portal.domain.errors import StoreUnavailable
from portal.metrics import CONTENT_TYPE
from portal.web.context import Portal, portal
from portal.web.problem_details import problem
from portal.web.refusals import Refusal
from portal.web.response_cache import CacheableResponse
from portal.web.security import OPERATIONS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

operations = Blueprint(OPERATIONS, __name__)


@operations.get("/healthz")
def healthz() -> ResponseReturnValue:
    return {"status": "ok"}


def alive(environ: WSGIEnvironment, here: Portal) -> CacheableResponse | None:
    """`healthz`, for `ResponseCache`."""
    return CacheableResponse("alive", here.release) if environ["PATH_INFO"] == "/healthz" else None


@operations.get("/readyz")
def readyz() -> ResponseReturnValue:
    try:
        portal().check_ready()
    except StoreUnavailable:
        return problem("unavailable", "The database does not answer")
    return {"status": "ok"}


@operations.get("/metrics")
def metrics() -> Response:
    config = portal().config
    if config.metrics_port:
        abort(404)  # there and nowhere else
    if config.metrics_token and not _has_token(config.metrics_token):
        portal().refusals.count(Refusal.WRONG_KEY)
        refused = problem("invalid_credentials", "Send the token as Authorization: Bearer")
        refused.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
        abort(refused)
    return Response(portal().metrics.page(), content_type=CONTENT_TYPE)


def _has_token(token: str) -> bool:
    given = request.authorization
    sent = given.token if given and given.type == "bearer" else None
    return hmac.compare_digest((sent or "").encode(), token.encode())
