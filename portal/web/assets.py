"""Static files under URLs with a content hash, and what is inlined into each page."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from mimetypes import guess_type
from pathlib import Path
from typing import cast

from flask import Flask, Response, abort, current_app, request, send_file
from markupsafe import Markup

from portal.domain.theme import ColourScheme
from portal.web.compression import accepts_gzip, gzip_bytes, gzip_response, init_compression
from portal.web.header_policy import ONE_YEAR
from portal.web.security import allow_inline

STYLESHEET = "portal.css"
INLINE_SCRIPTS = ("trusted-types.js", "late-scripts.js")
"""Before any other: what they do is needed even if the others do not arrive."""

_HASH_LENGTH = 12
_TEXTS = {".css", ".js", ".svg"}


def init_assets(app: Flask, folder: Path) -> None:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    contents = {name: _content(name, path) for name, path in files.items()}
    hashes = {name: sha256(content).hexdigest()[:_HASH_LENGTH] for name, content in contents.items()}
    small = {name: gzip_bytes(contents[name]) for name, path in files.items() if path.suffix in _TEXTS}
    static_url = _addresses(hashes)
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
        if name in small and accepts_gzip(request.headers.get("Accept-Encoding", "")):
            response = gzip_response(small[name], guess_type(name)[0], hashes[name])
        else:
            response = send_file(BytesIO(contents[name]), download_name=name, etag=hashes[name], conditional=True)
        response.vary.add("Accept-Encoding")
        # During an upgrade a replica may be asked for the other release's file.
        is_asked_content = request.query_string.decode("latin-1") == hashes[name]
        response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable" if is_asked_content else "no-store"
        return response


def static_address(name: str) -> str:
    return cast(Callable[[str], str], current_app.jinja_env.globals["static_url"])(name)


def stylesheet_of(scheme: ColourScheme) -> str:
    return cast(dict[ColourScheme, str], current_app.jinja_env.globals["stylesheets"])[scheme]


def _content(name: str, path: Path) -> bytes:
    """Scripts of the pages are sent without comments. What was built elsewhere stays as it is."""
    content = path.read_bytes()
    return _without_comments(content.decode()).encode() if name.endswith(".js") and "/" not in name else content


def _inline(css: str, static_url: Callable[[str], str]) -> str:
    """Minified, with URLs that work on every page."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css = re.sub(r"\s+", " ", css)
    css = re.sub(r" ?([{};,>]) ?", r"\1", css).replace(": ", ":").replace(";}", "}")
    return re.sub(r"url\(([\w-]+\.svg)\)", lambda found: f"url({static_url(found[1])})", css).strip()


def _without_comments(script: str) -> str:
    return re.sub(r"^\s*(//.*)?\n?", "", script, flags=re.MULTILINE)


def _addresses(hashes: dict[str, str]) -> Callable[[str], str]:
    def static_url(name: str) -> str:
        return f"/static/{name}?{hashes[name]}"

    return static_url
