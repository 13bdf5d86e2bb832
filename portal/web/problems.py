"""Errors of the JSON doors, as RFC 9457 wants them."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, jsonify


def problem(status: int, detail: str | None = None, **extensions: object) -> Response:
    title = HTTPStatus(status).phrase
    response = jsonify(type="about:blank", title=title, status=status, detail=detail or title, **extensions)
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response
