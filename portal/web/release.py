"""What pages are made of besides the onboarding, as a short hash."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from portal.config import Config
from portal.partners.registry import Registry
from portal.web.flask_app import PACKAGE, folder


def release_of(config: Config, registry: Registry) -> str:
    """Eight hex digits that change with the code, the settings and the partners file; the same on every replica."""
    return sha256(repr((_code(), config, registry.partners)).encode()).hexdigest()[:8]


@cache
def _code() -> str:
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.mo"), *folder("templates").rglob("*.html")]
    files += [path for path in folder("static").rglob("*") if path.is_file()]
    hashes = sorted((path.name, sha256(path.read_bytes()).hexdigest()) for path in files)
    return sha256(repr(hashes).encode()).hexdigest()
