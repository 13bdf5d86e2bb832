"""Problem documents (RFC 9457), for the endpoints that answer JSON: the one table of what can go wrong."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from flask import Response, current_app, jsonify, request


class Kind(NamedTuple):
    status: int
    meaning: str
    """For the developer of the program that asked: what is wrong, and what helps."""


KINDS: dict[str, Kind] = {
    "bad_request": Kind(400, "The Host header or another part of the request cannot be read"),
    "invalid_json": Kind(400, "The body is not JSON"),
    "invalid_idempotency_key": Kind(400, "The Idempotency-Key is not 1 to 255 printable ASCII characters"),
    "invalid_credentials": Kind(401, "The API key is missing, wrong or revoked; of a webhook, the signature is wrong"),
    "forbidden": Kind(403, "This caller may not do this"),
    "partner_disabled": Kind(403, "The partner is switched off; the portal's operator can switch it on"),
    "not_found": Kind(404, "There is no such thing, or it is another partner's, or it was erased"),
    "method_not_allowed": Kind(405, "This address does not take the method; the Allow header names those that it does"),
    "another_applicant": Kind(
        409,
        "The customer's open onboarding, named by `id`, is about another document number, and that cannot be "
        "corrected. Erase it to start anew",
    ),
    "applicant_locked": Kind(
        409,
        "Several other document numbers were sent for the customer's open onboarding, named by `id`, so none is "
        "compared any more, not even the right one. Send no `applicant`, or erase the onboarding to start anew",
    ),
    "onboarding_over": Kind(409, "The onboarding has come to an end, so this is not possible any more"),
    "not_notified": Kind(409, "The partner has no `notify_url`, so nothing can be sent"),
    "gone": Kind(410, "The link has expired, or its onboarding was erased"),
    "switched_off": Kind(410, "The link's partner is switched off; once it is switched on, the link works again"),
    "body_too_large": Kind(413, "The body is larger than 16 KiB; of a webhook, than 1 MiB"),
    "unsupported_media_type": Kind(415, "The Content-Type is not application/json"),
    "invalid_fields": Kind(422, "`errors` names each field that is wrong, and says why"),
    "idempotency_key_reused": Kind(422, "The Idempotency-Key was used for another request before; take a new one"),
    "too_many_requests": Kind(429, "Too many requests; wait for as many seconds as Retry-After says"),
    "internal_error": Kind(500, "A fault of the portal's; `detail` has a reference for its operator"),
    "unavailable": Kind(
        503, "The database does not answer. Sent again after Retry-After seconds, nothing starts twice"
    ),
}
"""By `code`, the word that programs may rely on."""

_USUAL = {kind.status: code for code, kind in reversed(KINDS.items())}


def problem(code: str, detail: str | None = None, **extensions: object) -> Response:
    """`code`: one of `KINDS`."""
    return _response(code, KINDS[code].status, detail, extensions)


def usual_problem(status: int) -> Response:
    """Of an error that nobody described further."""
    return _response(_USUAL.get(status) or _USUAL[400 if status < 500 else 500], status, None, {})


def type_of(code: str) -> str:
    """An address of this portal, where `code` is explained."""
    return f"{current_app.config['PORTAL_ORIGIN']}/api/v1/problems/{code}"


def wants_json() -> bool:
    """For endpoints that answer HTML too."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def _response(code: str, status: int, detail: str | None, extensions: dict[str, object]) -> Response:
    title = HTTPStatus(status).phrase
    response = jsonify(type=type_of(code), title=title, status=status, detail=detail or title, code=code, **extensions)
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response
