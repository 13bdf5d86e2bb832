"""gu1's refusals: one flat envelope, and the nested one of a duplicate entity."""

from __future__ import annotations

import hmac

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from e2e.mock_gu1.mock import current_mock
from e2e.mock_gu1.settings import DuplicateShape
from e2e.mock_gu1.state import Entity, Json


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.body: Json = {"error": code, "message": message}


def invalid(message: str) -> ApiError:
    return ApiError(400, "VALIDATION_ERROR", message)


def entity_not_found() -> ApiError:
    return ApiError(404, "ENTITY_NOT_FOUND", "Entity not found")


def validation_not_found() -> ApiError:
    return ApiError(404, "VALIDATION_NOT_FOUND", "Validation not found")


def unavailable() -> ApiError:
    return ApiError(503, "SERVICE_UNAVAILABLE", "The service is temporarily unavailable")


def duplicate_body(existing: Entity, shape: DuplicateShape) -> Json:
    code, message = "DUPLICATE_TAX_ID", "An entity with this tax ID already exists"
    details = {
        "existingEntityId": existing.id,
        "existingEntityName": existing.name,
        "existingEntityType": existing.type,
    }
    if shape == "flat":
        return {"error": code, "message": message, "details": details}
    return {"error": {"code": code, "message": message, "details": details}}


def admit() -> None:
    """Before every call of the API: the mock is up, and the caller has the key."""
    mock = current_mock()
    if mock.state.is_down():
        raise unavailable()
    expected = f"Bearer {mock.settings.api_key}"
    if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected.encode()):
        raise ApiError(401, "UNAUTHORIZED", "Missing or invalid API key")


def json_body() -> Json:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object")
    return body


def register_errors(app: Flask) -> None:
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(HTTPException, _http_error)


def _api_error(error: ApiError) -> ResponseReturnValue:
    return jsonify(error.body), error.status


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if request.path.startswith(("/api/", "/entities", "/_mock/")):
        code = error.name.upper().replace(" ", "_")
        return jsonify(error=code, message=error.description), error.code or 500
    return error.get_response()
