"""Static files under URLs with a content hash, and what is inlined into each page."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import cast

from flask import Flask, Response, abort, current_app, request, send_file
from markupsafe import Markup

from portal.domain.theme import ColourScheme
from portal.web.compression import init_compression
from portal.web.header_policy import ONE_YEAR
from portal.web.security import allow_inline
from portal.web.static_content import is_text, sent_content, static_files, version_of
from portal.web.static_text import StaticText

STYLESHEET = "portal.css"
INLINE_SCRIPTS = ("trusted-types.js", "late-scripts.js")
"""Before any other: what they do is needed even if the others do not arrive."""


def init_assets(app: Flask, folder: Path) -> None:
    files = static_files(folder)
    contents = {name: sent_content(name, path) for name, path in files.items()}
    versions = {name: version_of(content) for name, content in contents.items()}
    texts = {name: StaticText(path, contents[name]) for name, path in files.items() if is_text(path)}
    static_url = _addresses(versions)
    # Inlined, because a separate stylesheet costs the first paint another round trip.
    stylesheet = _inline(contents[STYLESHEET].decode(), static_url)
    stylesheets = {it: Markup(it.applied(stylesheet)) for it in ColourScheme}  # noqa: S704, a file of ours
    allow_inline(app, "style-src", stylesheet)
    script = "".join(contents[name].decode() for name in INLINE_SCRIPTS)
    allow_inline(app, "script-src", script)
    init_compression(app)
    inlined = {"stylesheets": stylesheets, "inline_script": Markup(script)}  # noqa: S704, files of ours
    app.jinja_env.globals.update(static_url=static_url, **inlined)

    @app.get("/static/<path:name>")
    def static_file(name: str) -> Response:
        if name not in contents:
            abort(404)
        if name in texts:
            response = texts[name].response()
        else:
            response = send_file(BytesIO(contents[name]), download_name=name, etag=versions[name], conditional=True)
        # During an upgrade a replica may be asked for the other release's file.
        is_asked_content = request.query_string.decode("latin-1") == versions[name]
        response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable" if is_asked_content else "no-store"
        return response


def static_address(name: str) -> str:
    return cast(Callable[[str], str], current_app.jinja_env.globals["static_url"])(name)


def stylesheet_of(scheme: ColourScheme) -> str:
    return cast(dict[ColourScheme, str], current_app.jinja_env.globals["stylesheets"])[scheme]


def _inline(css: str, static_url: Callable[[str], str]) -> str:
    """Minified, with URLs that work on every page."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css = re.sub(r"\s+", " ", css)
    css = re.sub(r" ?([{};,>]) ?", r"\1", css).replace(": ", ":").replace(";}", "}")
    return re.sub(r"url\(([\w-]+\.svg)\)", lambda found: f"url({static_url(found[1])})", css).strip()


def _addresses(versions: dict[str, str]) -> Callable[[str], str]:
    def static_url(name: str) -> str:
        return f"/static/{name}?{versions[name]}"

    return static_url
