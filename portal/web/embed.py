"""Pages in a partner's frame: who may hold them, who may read their status, and the script that makes the frame."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, g, request

from portal.domain.onboarding import Onboarding
from portal.domain.provider_hosts import is_loopback
from portal.web.compression import accepts_gzip, gzipped, packed
from portal.web.context import portal
from portal.web.security import allow, permit

MAX_AGE = 600
"""Seconds that a browser keeps the script: portals of two releases have to understand it for that long."""

_MIMETYPE = "text/javascript"


def init_embed(app: Flask, source: Path, provider_hosts: tuple[str, ...]) -> None:
    script = _script(source.read_text(encoding="utf-8"), provider_hosts)
    small, version = gzipped(script), sha256(script).hexdigest()[:12]
    app.jinja_env.globals.update(embedders=embedders)

    @app.get("/embed.js")
    def embed_script() -> Response:
        if accepts_gzip():
            response = packed(small, _MIMETYPE, version)
        else:
            response = Response(script, mimetype=_MIMETYPE)
            response.set_etag(version)
            response.make_conditional(request)
        response.vary.add("Accept-Encoding")
        response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
        response.access_control_allow_origin = "*"  # asked for by itself too, to see whether the portal is there
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response


def may_be_framed(found: Onboarding) -> None:
    """This answer may stand in a frame on a page of the partner that sent the person."""
    g.embedders = _origins_of(found)
    if g.embedders:
        allow("frame-ancestors", *g.embedders)
        # Without it every browser tells the page that there is no camera, and it could not warn in time.
        permit("camera", "self")


def embedders() -> str:
    """Whom this page may talk to; nobody where it may not be framed."""
    return " ".join(g.get("embedders", ()))


def let_embedders_read(response: Response, found: Onboarding) -> Response:
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


def _script(source: str, provider_hosts: tuple[str, ...]) -> bytes:
    """Without indentation and lines of comment, and with the origins that need the camera beside ours."""
    named = [f"https://{host}" for host in provider_hosts if _is_one_origin(host)]
    lines = re.sub(r"^\s*(//.*)?\n?", "", source, flags=re.MULTILINE)
    return lines.replace('"PROVIDER_ORIGINS"', json.dumps(" ".join(named))).encode()


def _is_one_origin(host: str) -> bool:
    """On loopback a port belongs to it, which nobody knows beforehand."""
    return not host.startswith((".", "*")) and not is_loopback(host)
