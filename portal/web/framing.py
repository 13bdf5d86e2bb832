"""Pages in a partner's frame: who may hold them, and who may read their status."""

from __future__ import annotations

from flask import Flask, Response, g, request

from portal.domain.onboarding import Onboarding
from portal.web.context import portal
from portal.web.security import allow, permit


def init_framing(app: Flask) -> None:
    app.jinja_env.globals.update(embedders=embedders)


def allow_framing(found: Onboarding) -> None:
    """This answer may stand in a frame on a page of the partner that sent the person."""
    g.embedders = _origins_of(found)
    if g.embedders:
        allow("frame-ancestors", *g.embedders)
        # Without it every browser tells the page that there is no camera, and it could not warn in time.
        permit("camera", "self")


def embedders() -> str:
    """Whom this page may talk to; nobody where it may not be framed."""
    return " ".join(g.get("embedders", ()))


def allow_embedders_to_read(response: Response, found: Onboarding) -> Response:
    """So that a partner's page can look after a frame in which the provider's page stands."""
    origins = _origins_of(found)
    if origins:
        response.vary.add("Origin")
    if request.origin in origins:
        response.access_control_allow_origin = request.origin
    return response


def _origins_of(found: Onboarding) -> tuple[str, ...]:
    partner = portal().partners.get(found.partner)
    return partner.origins if partner and partner.enabled else ()
