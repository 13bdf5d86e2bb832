"""Pages in a partner's frame: who may hold them, and who may read their status."""

from __future__ import annotations

from flask import Flask, Response, g, request

from portal.domain.web_addresses import origin_of
from portal.web.branding import branded_partner
from portal.web.security import allow, permit


def init_framing(app: Flask) -> None:
    app.jinja_env.globals.update(embedders=embedders)


def allow_framing() -> None:
    """Lets the pages of the partner whose page this is show this answer in a frame."""
    g.embedders = _origins()
    if g.embedders:
        allow("frame-ancestors", *g.embedders)
        # Otherwise the browser reports that the page has no camera, and the page cannot tell whether that is true.
        permit("camera", "self")


def embedders() -> str:
    """The origins that this page may send messages to; empty if it may not be framed."""
    return " ".join(g.get("embedders", ()))


def allow_embedders_to_read(response: Response) -> Response:
    """CORS: a partner's page polls the status itself while its frame shows the provider's page."""
    origins = _origins()
    if origins:
        response.vary.add("Origin")
    origin = origin_of(request.origin or "")
    if origin in origins:
        response.access_control_allow_origin = origin
    return response


def _origins() -> tuple[str, ...]:
    partner = branded_partner()
    return partner.origins if partner and partner.enabled else ()
