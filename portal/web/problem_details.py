"""Problem documents (RFC 9457), for the endpoints that answer JSON."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, jsonify, request


def problem(status: int, detail: str | None = None, **extensions: object) -> Response:
    title = HTTPStatus(status).phrase
    response = jsonify(type="about:blank", title=title, status=status, detail=detail or title, **extensions)
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response


def wants_json() -> bool:
    """For endpoints that answer HTML too."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
