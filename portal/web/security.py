"""What guards every door: the headers of every answer, and who may POST."""

from __future__ import annotations

import contextlib
from base64 import b64encode
from hashlib import sha256
from urllib.parse import SplitResult, urlsplit

from flask import Flask, Response, abort, current_app, request
from werkzeug.exceptions import HTTPException

CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}

HEADERS = {
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

ONE_YEAR = 31_536_000
FORM_BYTES = 16 * 1024

_SAME_SITE = {"same-origin", "none"}


def init_security(app: Flask, *, base_url: str) -> None:
    parts = urlsplit(base_url)
    app.config.update(
        TRUSTED_HOSTS=[parts.hostname], MAX_CONTENT_LENGTH=FORM_BYTES, MAX_FORM_PARTS=40, PORTAL_ORIGIN=_origin(parts)
    )
    app.extensions["portal_policy"] = dict(CONTENT_SECURITY_POLICY)
    headers = dict(HEADERS)
    if parts.scheme == "https":
        headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}"

    @app.after_request
    def read_to_the_end(response: Response) -> Response:
        """What is left of a refused body ends its connection, and with it the next request that was sent on it."""
        with contextlib.suppress(HTTPException):  # too large, and then the connection may end
            request.get_data(cache=False)
        return response

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy())
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def allow_style(app: Flask, style: str) -> None:
    """Of all inline styles this one, by its content."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    app.extensions["portal_policy"]["style-src"] += f" 'sha256-{digest}'"


def policy(**changes: str) -> str:
    """The Content-Security-Policy, for one answer with other directives: `policy(frame_src="https://example.com")`."""
    directives = current_app.extensions["portal_policy"] | {
        name.replace("_", "-"): value for name, value in changes.items()
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _origin(address: SplitResult) -> str:
    """As browsers write it: in lower case and without the scheme's own port."""
    own_port = {"http": 80, "https": 443}[address.scheme]
    host = (address.netloc.removesuffix(f":{own_port}")).lower()
    return f"{address.scheme}://{host}"


def refuse_cross_site() -> None:
    """For the doors that browsers use: a POST must come from a page of ours."""
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if (site and site not in _SAME_SITE) or (origin and origin != current_app.config["PORTAL_ORIGIN"]):
        abort(403)
