"""Requests to the switches, as JSON or from a form of the control page, and their responses."""

from __future__ import annotations

import math
from typing import Any

from flask import jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

Told = dict[str, Any]

MOST_SECONDS = 1_000_000_000


def told() -> Told:
    """Ignores empty fields of a form."""
    if _is_form():
        return {key: value for key, value in request.form.items() if value != ""}
    body = request.get_json(force=True, silent=True) if request.data else {}
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object")
    return body


def done(body: Any = None, status: int = 200) -> ResponseReturnValue:
    """JSON for programs, a redirect to the control page for forms."""
    if _is_form():
        place = request.form.get("back")
        return redirect(url_for("control_page.overview", _anchor=place), 303)
    return ("", 204) if body is None else (jsonify(body), status)


def as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def seconds_in(body: Told, key: str = "seconds") -> float:
    number = as_number(body.get(key))
    if number is None or not 0 <= number <= MOST_SECONDS:
        raise BadRequest(f"{key} must be a number from 0 to {MOST_SECONDS}")
    return number


def _is_form() -> bool:
    return request.mimetype == "application/x-www-form-urlencoded"
