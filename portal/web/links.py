"""Signed tokens: the access link, which is the applicant's only key, and the form tokens."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from itsdangerous import BadData, BadSignature, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

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


class _Purpose:
    """What is signed for one purpose, with keys of its own."""

    def __init__(self, name: str, secret_keys: Sequence[str]) -> None:
        """`secret_keys`: the first signs, all verify."""
        self._serializer = URLSafeSerializer(
            list(reversed(secret_keys)),  # itsdangerous signs with the last
            salt=name,
            signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
        )

    def sign(self, value: object) -> str:
        return str(self._serializer.dumps(value))

    def read(self, token: str) -> Any:
        """Raises `BadData`, also for another spelling of a token of ours: base64 has several, and one has to do."""
        signature = token.rpartition(".")[2]
        if base64_encode(base64_decode(signature)).decode("ascii") != signature:
            raise BadSignature("not as it was signed")
        return self._serializer.loads(token)


class AccessLinks:
    def __init__(self, secret_keys: Sequence[str], clock: Clock) -> None:
        """`secret_keys`: the first signs, all verify."""
        self._clock = clock
        self._purpose = _Purpose("portal.access-link", secret_keys)

    def token(self, onboarding: Onboarding) -> str:
        """Always the same for one onboarding."""
        return self._purpose.sign([onboarding.id, int(onboarding.ends_at.timestamp())])

    def onboarding_id(self, token: str) -> str:
        """Raises `BadLink` or `ExpiredLink`."""
        try:
            onboarding_id, expires = self._purpose.read(token)
        except (BadData, TypeError, ValueError):
            raise BadLink from None
        if self._clock().timestamp() > expires + CLOCK_LEEWAY.total_seconds():
            raise ExpiredLink
        return str(onboarding_id)


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
        self._purpose = _Purpose("portal.form", secret_keys)

    def issue(self, subject: str) -> str:
        issued_at = int(self._clock().timestamp())
        return self._purpose.sign([subject, secrets.token_urlsafe(12), self._consent_version, issued_at])

    def read(self, token: str, subject: str) -> FormToken:
        try:
            issued_for, nonce, consent_version, issued_at = self._purpose.read(token)
        except (BadData, TypeError, ValueError):
            raise StaleForm from None
        age = self._clock().timestamp() - issued_at
        if issued_for != subject or age > FORM_LIFETIME.total_seconds():
            raise StaleForm
        return FormToken(nonce, consent_version)
