"""`/embed.js`: the script with which a partner's page shows an onboarding in a frame.

It is built from `clients/js`, for all portals alike, so that a page can pin a version by its hash.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, abort, request

from portal.web.compression import accepts_gzip, gzip_bytes, gzip_response
from portal.web.header_policy import ONE_YEAR

MAX_AGE = 600
"""Seconds of caching: for so long after an upgrade the old script must work with the new pages."""


def init_embed(app: Flask, folder: Path) -> None:
    """`folder` has each version that was ever released, because pages may go on asking for it."""
    scripts = {path.stem: _Text(path, "text/javascript") for path in folder.glob("*.js")}
    newest = scripts[max(scripts, key=lambda version: [*map(int, version.split("."))])]
    types = _Text(folder / "embed.d.ts", "application/typescript")

    @app.get("/embed.js")
    def embed_script() -> Response:
        return newest.response(f"public, max-age={MAX_AGE}")

    @app.get("/embed-<version>.js")
    def pinned_embed_script(version: str) -> Response:
        if version not in scripts:
            abort(404)
        return scripts[version].response(f"public, max-age={ONE_YEAR}, immutable")

    @app.get("/embed.d.ts")
    def embed_types() -> Response:
        return types.response(f"public, max-age={MAX_AGE}")


class _Text:
    def __init__(self, path: Path, mimetype: str) -> None:
        self._content, self._mimetype = path.read_bytes(), mimetype
        self._small, self._version = gzip_bytes(self._content), sha256(self._content).hexdigest()[:12]

    def response(self, cache_control: str) -> Response:
        if accepts_gzip(request.headers.get("Accept-Encoding", "")):
            response = gzip_response(self._small, self._mimetype, self._version)
        else:
            response = Response(self._content, mimetype=self._mimetype)
            response.set_etag(self._version)
            response.make_conditional(request)
        response.vary.add("Accept-Encoding")
        response.headers["Cache-Control"] = cache_control
        # For modules and integrity hashes, and for the script, which asks for itself to see whether the portal answers.
        response.access_control_allow_origin = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response
