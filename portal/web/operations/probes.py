"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from portal.domain.errors import StoreUnavailable
from portal.metrics import CONTENT_TYPE
from portal.web.context import portal
from portal.web.problem_details import problem

operations = Blueprint("operations", __name__)


@operations.get("/healthz")
def healthz() -> ResponseReturnValue:
    return {"status": "ok"}


@operations.get("/readyz")
def readyz() -> ResponseReturnValue:
    try:
        portal().check_ready()
    except StoreUnavailable:
        return problem(503, "The database does not answer")
    return {"status": "ok"}


@operations.get("/metrics")
def metrics() -> Response:
    return Response(portal().metrics.page(), content_type=CONTENT_TYPE)
