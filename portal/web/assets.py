"""Static files under addresses that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, request, send_from_directory

from portal.web.security import ONE_YEAR

_HASH_LENGTH = 12


def init_assets(app: Flask, folder: Path) -> None:
    hashes = {path.relative_to(folder).as_posix(): _hash(path) for path in folder.rglob("*") if path.is_file()}
    app.jinja_env.globals["static_url"] = _addresses(hashes)

    @app.get("/static/<path:name>")
    def static_file(name: str) -> Response:
        response = send_from_directory(folder, name, conditional=True)
        # While replicas of two versions serve side by side, an address may be asked of the wrong one.
        is_asked_content = request.query_string.decode("latin-1") == hashes.get(name)
        response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable" if is_asked_content else "no-store"
        return response


def _addresses(hashes: dict[str, str]) -> Callable[[str], str]:
    def static_url(name: str) -> str:
        return f"/static/{name}?{hashes[name]}"

    return static_url


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:_HASH_LENGTH]
