"""Who may use the operator's page, and the headers of its answers."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, request

from portal.web.header_policy import ALWAYS, NOBODY
from portal.web.refusals import Refusal

_POLICY = f"default-src {NOBODY}; style-src 'self'; form-action 'self'; frame-ancestors {NOBODY}; base-uri {NOBODY}"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def init_guard(app: Flask, token: str | None, on_refusal: Callable[[Refusal], None]) -> None:
    """`token`: None where only this machine reaches the port."""

    def refuse_strangers() -> Response | None:
        if token is None and urlsplit(f"//{request.host}").hostname not in _LOOPBACK:
            on_refusal(Refusal.FOREIGN_HOST)
            abort(Response("Set PORTAL_OPERATOR_TOKEN to use this page under a name.\n", 421, mimetype="text/plain"))
        if token is not None and not _has_token(request, token):
            # Without the header it is a browser that has not asked for the password yet.
            if "Authorization" in request.headers:
                on_refusal(Refusal.WRONG_KEY)
            told = {"WWW-Authenticate": 'Basic realm="portal", charset="UTF-8"'}
            return Response("Your name, and the token as password.\n", 401, told, mimetype="text/plain")
        if request.method == "POST" and not _is_from_here(request):
            on_refusal(Refusal.CROSS_SITE)
            abort(Response("This came from another site.\n", 403, mimetype="text/plain"))
        return None

    app.before_request(refuse_strangers)
    app.after_request(_protected)


def _has_token(asked: Request, token: str) -> bool:
    """A proxy sends the token as bearer; a browser asks its person for a name and the token."""
    given = asked.authorization
    if given is None:
        return False
    sent = given.token if given.type == "bearer" else given.password if given.type == "basic" else None
    return hmac.compare_digest((sent or "").encode(), token.encode())


def _is_from_here(asked: Request) -> bool:
    """Browsers send the password by themselves, also with what another site makes them send."""
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = asked.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc == asked.host


def _protected(answer: Response) -> Response:
    answer.headers.update(ALWAYS)
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer
