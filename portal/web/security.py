"""The security headers of every answer, and the check that a POST comes from our own page."""

from __future__ import annotations

import contextlib
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, current_app, g, request
from werkzeug.exceptions import HTTPException, SecurityError

from portal.domain.web_addresses import origin_of, split_web_url
from portal.web.context import portal
from portal.web.header_policy import NOBODY, Kind, always, kind_of, policies
from portal.web.refusals import Refusal

FORM_BYTES = 16 * 1024

OPERATIONS = "operations"
"""The blueprint that answers whatever host it is asked as."""
_SAME_SITE = {"same-origin", "none"}


def init_security(app: Flask, *, base_url: str, hsts_subdomains: bool = False) -> None:
    parts = urlsplit(base_url)
    app.config.update(MAX_CONTENT_LENGTH=FORM_BYTES, MAX_FORM_PARTS=40, PORTAL_ORIGIN=base_url)
    app.extensions["portal_policy"] = {kind: dict(kind.value) for kind in Kind}
    headers = always(base_url, hsts_subdomains=hsts_subdomains)
    # Made with the first answer of a kind: until then inline styles are still being allowed.
    usual = cache(_policies)

    @app.before_request
    def refuse_foreign_host() -> None:
        """Not by Flask's TRUSTED_HOSTS, which knows no IPv6 addresses.

        Probes and scrapers know a replica by its address only, and are told nothing of the site.
        """
        if request.blueprint != OPERATIONS and _host_of(request) != parts.hostname:
            raise SecurityError

    @app.after_request
    def read_to_the_end(response: Response) -> Response:
        """Drains a rejected body; otherwise the keep-alive connection closes and the next request is lost."""
        with contextlib.suppress(HTTPException):  # too large to drain; then the connection closes
            request.get_data(cache=False)
        return response

    @app.after_request
    def add_headers(response: Response) -> Response:
        # Jinja may still allow something, so this comes after the page was rendered.
        exceptions, kind = (g.get("allowed"), g.get("permitted")), kind_of(response.mimetype)
        policies = _policies(kind, *exceptions) if any(exceptions) else usual(kind)
        for name, value in (policies | headers).items():
            response.headers.setdefault(name, value)
        return response


def allow_inline(app: Flask, directive: str, text: str) -> None:
    """Allows one inline style or script on every page, by its hash."""
    app.extensions["portal_policy"][Kind.PAGE][directive] += f" '{digest_of(text)}'"


def digest_of(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def allow(directive: str, *sources: str) -> None:
    """Adds sources to this answer's Content-Security-Policy: `allow("frame-src", "https://example.com")`."""
    g.setdefault("allowed", {}).setdefault(directive, []).extend(sources)


def permit(feature: str, *origins: str) -> None:
    """Adds origins to this answer's Permissions-Policy: `permit("camera", "self")`."""
    g.setdefault("permitted", {}).setdefault(feature, []).extend(origins)


def _policies(
    kind: Kind,
    allowed: Mapping[str, list[str]] | None = None,
    permitted: Mapping[str, list[str]] | None = None,
) -> dict[str, str]:
    """The headers that differ between answers, with what this answer is allowed beside the usual."""
    allowed, permitted = allowed or {}, permitted or {}
    usual = current_app.extensions["portal_policy"][kind]
    directives = usual | {name: _with(usual.get(name, NOBODY), sources) for name, sources in allowed.items()}
    return policies(directives, allowed.get("frame-ancestors", []), permitted)


def _with(usual: str, sources: list[str]) -> str:
    return " ".join(dict.fromkeys(sources if usual == NOBODY else (usual, *sources)))


def refuse_cross_site() -> None:
    """For pages: a POST must come from our own origin."""
    if request.method not in {"GET", "HEAD", "OPTIONS"} and not _is_our_own():
        portal().refusals.count(Refusal.CROSS_SITE)
        abort(403)


def _is_our_own() -> bool:
    """Origin counts only without Fetch Metadata: a proxy's Referrer-Policy can make it `null` on our own pages."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in _SAME_SITE
    origin = request.headers.get("Origin")
    return origin is None or origin_of(origin) == current_app.config["PORTAL_ORIGIN"]


def _host_of(asked: Request) -> str | None:
    try:
        return split_web_url(f"http://{asked.host}").hostname
    except ValueError:
        return None
