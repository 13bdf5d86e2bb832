"""Verifies the portal's two kinds of signatures with the standard library only."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl

FRESH = 300
"""Maximum age of a message in seconds."""


class NotBelieved(Exception):
    """The message is for developers."""


def read_result(query: bytes, secrets: Sequence[str], *, now: float) -> dict[str, str]:
    """The verified result. `query`: the raw query string."""
    signed, _, signature = query.rpartition(b"&signature=")
    expected = (hmac.new(secret.encode(), signed, "sha256").hexdigest().encode() for secret in secrets)
    if not _is_among(signature, expected):
        raise NotBelieved("the signature is not the portal's")
    result = dict(parse_qsl(signed.decode(), keep_blank_values=True))
    _refuse_old(result["t"], now)
    return result


def check_notification(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: float) -> None:
    """Standard Webhooks. `headers`: with names in lower case. `body`: the raw bytes."""
    name, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    message = f"{name}.{sent_at}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    expected = [b"v1," + base64.b64encode(hmac.digest(key, message, "sha256")) for key in keys]
    # One per secret of the partner, so that secrets can be rotated without downtime.
    if not any(_is_among(given.encode(), expected) for given in headers.get("webhook-signature", "").split()):
        raise NotBelieved("the signature is not the portal's")
    _refuse_old(sent_at, now)


def _is_among(given: bytes, expected: Iterable[bytes]) -> bool:
    return any(hmac.compare_digest(given, it) for it in expected)


def _refuse_old(unix_seconds: str, now: float) -> None:
    if abs(now - int(unix_seconds)) > FRESH:
        raise NotBelieved("it is too old, or this clock is wrong")
