"""`/embed.js`: the script with which a partner's page shows an onboarding in a frame."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, request

from portal.domain.provider_hosts import ANY_LOOPBACK
from portal.domain.stage import Stage
from portal.domain.web_addresses import is_loopback
from portal.web.compression import accepts_gzip, gzip_bytes, gzip_response

MAX_AGE = 600
"""Seconds of caching: for so long after an upgrade the old script must work with the new pages."""

_MIMETYPE = "text/javascript"


def init_embed(app: Flask, source: Path, provider_hosts: tuple[str, ...]) -> None:
    script = _script(source.read_text(encoding="utf-8"), provider_hosts)
    small, version = gzip_bytes(script), sha256(script).hexdigest()[:12]

    @app.get("/embed.js")
    def embed_script() -> Response:
        if accepts_gzip():
            response = gzip_response(small, _MIMETYPE, version)
        else:
            response = Response(script, mimetype=_MIMETYPE)
            response.set_etag(version)
            response.make_conditional(request)
        response.vary.add("Accept-Encoding")
        response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
        response.access_control_allow_origin = "*"  # the script fetches itself to see whether the portal answers
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response


def _script(source: str, provider_hosts: tuple[str, ...]) -> bytes:
    """The script without indentation and comments, with what it needs to know of the provider and the stages."""
    named = [f"https://{host}" for host in provider_hosts if _is_one_origin(host)]
    lines = re.sub(r"^\s*(//.*)?\n?", "", source, flags=re.MULTILINE)
    busy = [stage for stage in Stage if stage.facts.hosted_page_may_be_open]
    filled = lines.replace('"PROVIDER_ORIGINS"', json.dumps(" ".join(named)))
    return filled.replace('"HOSTED_PAGE_STAGES"', json.dumps(" ".join(busy))).encode()


def _is_one_origin(host: str) -> bool:
    """False for loopback too, because its origin includes a port that is not known here."""
    return not host.startswith((".", ANY_LOOPBACK)) and not is_loopback(host)
