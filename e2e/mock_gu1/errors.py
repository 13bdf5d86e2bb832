"""gu1's errors, and the checks before every API call."""

from __future__ import annotations

import hmac
import math
from email.utils import format_datetime

from flask import Flask, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from e2e.mock_gu1.mock import answer, current_mock
from e2e.mock_gu1.rows import Json

ORGANIZATION_HEADER = "X-Organization-ID"
SHORTEST_REASON = 5


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


def invalid(message: str) -> ApiError:
    return ApiError(400, "VALIDATION_ERROR", message)


def entity_not_found() -> ApiError:
    return ApiError(404, "ENTITY_NOT_FOUND", "Entity not found")


def validation_not_found() -> ApiError:
    return ApiError(404, "VALIDATION_NOT_FOUND", "Validation not found")


def unavailable() -> ApiError:
    return ApiError(503, "SERVICE_UNAVAILABLE", "The service is temporarily unavailable")


def admit() -> None:
    """Checks before every API call: the mock is up, the key is right, and the hourly limit is not reached."""
    mock = current_mock()
    if mock.availability.is_down():
        raise unavailable()
    expected = f"Bearer {mock.settings.api_key}"
    is_ours = hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected.encode())
    if not is_ours or mock.variant.key == "revoked_401":
        raise ApiError(401, "UNAUTHORIZED", "Missing or invalid API key")
    if mock.variant.key == "forbidden_403":
        raise ApiError(403, "FORBIDDEN", "The API key may not do this")
    if mock.variant.organization_header == "required" and ORGANIZATION_HEADER not in request.headers:
        raise ApiError(400, "ORGANIZATION_REQUIRED", f"{ORGANIZATION_HEADER} is required")
    _count()


def json_body() -> Json:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object")
    return body


def reason_in(body: Json) -> str:
    reason = body.get("reason")
    if not isinstance(reason, str) or len(reason.strip()) < SHORTEST_REASON:
        raise ApiError(400, "INVALID_REASON", f"reason needs at least {SHORTEST_REASON} characters")
    return reason


def register_errors(app: Flask) -> None:
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(HTTPException, _http_error)


def _count() -> None:
    mock = current_mock()
    free_at = mock.availability.over_limit(int(mock.variant.hourly_limit))
    if free_at is None:
        return
    seconds = math.ceil((free_at - mock.agenda.now()).total_seconds())
    told = {
        "seconds": {"Retry-After": str(seconds)},
        "date": {"Retry-After": format_datetime(free_at, usegmt=True)},
        "absurd": {"Retry-After": "-99999999999999999999"},
    }
    headers = told.get(mock.variant.retry_after, {})
    raise ApiError(429, "RATE_LIMIT_EXCEEDED", "Too many requests", headers)


def _api_error(error: ApiError) -> ResponseReturnValue:
    return answer(current_mock().shapes.error(error.code, error.message)), error.status, error.headers


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if request.path.startswith(("/api/", "/entities", "/_mock/")):
        code = error.name.upper().replace(" ", "_")
        return answer(current_mock().shapes.error(code, error.description or "")), error.code or 500
    return error.get_response()
