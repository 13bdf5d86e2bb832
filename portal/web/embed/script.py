"""`/embed.js`: the script with which a partner's page shows an onboarding in a frame.

It is built from `clients/js`, for all portals alike, so that a page can pin a version by its hash.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, abort

from portal.web.header_policy import ONE_YEAR
from portal.web.static_text import StaticText

MAX_AGE = 600
"""Seconds of caching: for so long after an upgrade the old script must work with the new pages."""


def init_embed(app: Flask, folder: Path) -> None:
    """`folder` has each version that was ever released, because pages may go on asking for it."""
    scripts = {path.stem: StaticText(path, path.read_bytes(), "text/javascript") for path in folder.glob("*.js")}
    newest = scripts[max(scripts, key=lambda version: [*map(int, version.split("."))])]
    declarations = folder / "embed.d.ts"
    types = StaticText(declarations, declarations.read_bytes(), "application/typescript")

    @app.get("/embed.js")
    def embed_script() -> Response:
        return _response(newest, f"public, max-age={MAX_AGE}")

    @app.get("/embed-<version>.js")
    def pinned_embed_script(version: str) -> Response:
        if version not in scripts:
            abort(404)
        return _response(scripts[version], f"public, max-age={ONE_YEAR}, immutable")

    @app.get("/embed.d.ts")
    def embed_types() -> Response:
        return _response(types, f"public, max-age={MAX_AGE}")


def _response(text: StaticText, cache_control: str) -> Response:
    response = text.response()
    response.headers["Cache-Control"] = cache_control
    # For modules and integrity hashes, and for the script, which asks for itself to see whether the portal answers.
    response.access_control_allow_origin = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
