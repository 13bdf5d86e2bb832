"""Errors of the JSON doors, as RFC 9457 wants them."""

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
    """Of a door that answers people too."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
