"""What a page's script asks for, and what it knows of the device, stand in the address.

Proxies drop headers that they do not know. A page that was loaded before an upgrade still sends headers, to addresses
without `part`.
"""

from __future__ import annotations

from enum import StrEnum

from flask import make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

FINE = "fine"
"""What portal.js says of a mouse."""
CAMERA_BLOCKED = "none"
"""What it says of a frame in which no camera opens."""


class Part(StrEnum):
    """Of a page, fetched by its script."""

    STATUS = "status"
    DOCUMENT = "document"


def is_of_older_page() -> bool:
    return "part" not in request.args and "HX-Request" in request.headers


def asks_for(part: Part) -> bool:
    return is_of_older_page() or request.args.get("part") == part


def has_mouse() -> bool:
    return _of_device("pointer", "X-Pointer") == FINE


def camera_is_blocked() -> bool:
    """True if the page reported that the embedding frame blocks the camera."""
    return _of_device("camera", "X-Camera") == CAMERA_BLOCKED


def lead_to(target: str) -> ResponseReturnValue:
    """Instead of the status: the open page goes on to `target`."""
    if not asks_for(Part.STATUS):
        return redirect(target, 303)
    answer = make_response(render_template("onboarding/_leads_on.html", target=target))
    if is_of_older_page():
        answer.headers["HX-Redirect"] = target
    return answer


def _of_device(name: str, header: str) -> str | None:
    return request.headers.get(header) if is_of_older_page() else request.args.get(name)
