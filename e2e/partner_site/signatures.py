"""Whether a message is from the portal: its two signatures, with nothing but the standard library."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl

FRESH = 300
"""Seconds that a message may be on its way."""


class NotBelieved(Exception):
    """Says why, in words for a developer."""


def read_result(query: bytes, secrets: Sequence[str], *, now: float) -> dict[str, str]:
    """What the customer brought back. `query`: everything after the `?` of the address, as it came."""
    signed, _, signature = query.rpartition(b"&signature=")
    expected = (hmac.new(secret.encode(), signed, "sha256").hexdigest().encode() for secret in secrets)
    if not _is_among(signature, expected):
        raise NotBelieved("the signature is not the portal's")
    result = dict(parse_qsl(signed.decode(), keep_blank_values=True))
    _refuse_old(result["t"], now)
    return result


def check_notification(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: float) -> None:
    """Standard Webhooks. `headers`: by names in lower case. `body`: as it came, before anything parsed it."""
    name, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    message = f"{name}.{sent_at}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    expected = [b"v1," + base64.b64encode(hmac.digest(key, message, "sha256")) for key in keys]
    # One for each secret of the partner's, so that secrets can be changed without a break.
    if not any(_is_among(given.encode(), expected) for given in headers.get("webhook-signature", "").split()):
        raise NotBelieved("the signature is not the portal's")
    _refuse_old(sent_at, now)


def _is_among(given: bytes, expected: Iterable[bytes]) -> bool:
    return any(hmac.compare_digest(given, it) for it in expected)


def _refuse_old(unix_seconds: str, now: float) -> None:
    if abs(now - int(unix_seconds)) > FRESH:
        raise NotBelieved("it is too old, or this clock is wrong")
