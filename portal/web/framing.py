"""Pages in a partner's frame: who may hold them, and who may read their status."""

from __future__ import annotations

from flask import Flask, Response, g, request

from portal.domain.provider_hosts import ANY_LOOPBACK
from portal.domain.web_addresses import is_loopback, origin_of
from portal.web.branding import branded_partner
from portal.web.security import allow, permit


def init_framing(app: Flask, provider_hosts: tuple[str, ...]) -> None:
    named = [f"https://{host}" for host in provider_hosts if _is_one_origin(host)]
    app.jinja_env.globals.update(embedders=embedders, provider_origins=" ".join(named))


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


def _is_one_origin(host: str) -> bool:
    """False for loopback too, because its origin includes a port that is not known here."""
    return not host.startswith((".", ANY_LOOPBACK)) and not is_loopback(host)


def _origins() -> tuple[str, ...]:
    partner = branded_partner()
    return partner.origins if partner and partner.enabled else ()
