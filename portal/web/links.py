"""Signed tokens: the access link, which is the applicant's only key, and the form tokens."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from itsdangerous import BadData, URLSafeSerializer, base64_encode

from portal.domain.onboarding import Onboarding
from portal.services.ports import Clock

FORM_LIFETIME = timedelta(hours=24)
CLOCK_LEEWAY = timedelta(seconds=120)
"""For replicas whose clocks differ a little."""


class BadLink(Exception):
    """Not signed by us, or with a removed key."""


class ExpiredLink(Exception):
    pass


class StaleForm(Exception):
    """Not signed by us, for another form, or too old."""


class AccessLinks:
    def __init__(self, secret_keys: Sequence[str], clock: Clock) -> None:
        """`secret_keys`: the first signs, all verify."""
        self._clock = clock
        self._serializer = URLSafeSerializer(salt="portal.access-link", **_signing(secret_keys))
        signer = self._serializer.make_signer()
        self._derived_keys = [signer.derive_key(key) for key in reversed(signer.secret_keys)]

    def token(self, onboarding: Onboarding) -> str:
        """Always the same for one onboarding."""
        return str(self._serializer.dumps([onboarding.id, int(onboarding.ends_at.timestamp())]))

    def onboarding_id(self, token: str) -> str:
        """Raises `BadLink` or `ExpiredLink`."""
        try:
            onboarding_id, expires = self._signed(token) or self._serializer.loads(token)
        except (BadData, TypeError, ValueError):
            raise BadLink from None
        if self._clock().timestamp() > expires + CLOCK_LEEWAY.total_seconds():
            raise ExpiredLink
        return str(onboarding_id)

    def _signed(self, token: str) -> Any:
        """As `loads` of itsdangerous, in half its time, for tokens as it writes them; None for any other."""
        payload, _dot, signature = token.encode().rpartition(b".")
        for key in self._derived_keys:
            if hmac.compare_digest(base64_encode(hmac.digest(key, payload, sha256)), signature):
                return self._serializer.load_payload(payload)
        return None


@dataclass(frozen=True, slots=True)
class FormToken:
    nonce: str
    """One per rendered form, so that submitting it twice starts one onboarding."""
    consent_version: str
    """The version of the consent text on that form."""


class FormTokens:
    def __init__(self, secret_keys: Sequence[str], consent_version: str, clock: Clock) -> None:
        self._consent_version = consent_version
        self._clock = clock
        self._serializer = URLSafeSerializer(salt="portal.form", **_signing(secret_keys))

    def issue(self, subject: str) -> str:
        issued_at = int(self._clock().timestamp())
        return str(self._serializer.dumps([subject, secrets.token_urlsafe(12), self._consent_version, issued_at]))

    def read(self, token: str, subject: str) -> FormToken:
        try:
            issued_for, nonce, consent_version, issued_at = self._serializer.loads(token)
        except (BadData, TypeError, ValueError):
            raise StaleForm from None
        age = self._clock().timestamp() - issued_at
        if issued_for != subject or age > FORM_LIFETIME.total_seconds():
            raise StaleForm
        return FormToken(nonce, consent_version)


def _signing(secret_keys: Sequence[str]) -> dict[str, Any]:
    """itsdangerous signs with the last of its keys."""
    return {
        "secret_key": list(reversed(secret_keys)),
        "signer_kwargs": {"key_derivation": "hmac", "digest_method": sha256},
    }
