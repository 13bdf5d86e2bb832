"""Signed tokens: the access link, which is the applicant's only key, and the form tokens."""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from itsdangerous import BadData, BadSignature, URLSafeSerializer
from itsdangerous.encoding import base64_encode

from portal.domain.onboarding import Onboarding
from portal.services.ports import Clock

FORM_LIFETIME = timedelta(hours=24)
_FOREIGN = re.compile(r"[^A-Za-z0-9_.-]+")
_BREAKS = re.compile(r"=?[\s\u00ad\u200b-\u200f\u2028\u2029\ufeff]+")
"""Where a program broke the line; quoted-printable puts a sign in front."""
_ALSO_PUNCTUATION = "._-"
"""Signs of a token that may as well stand behind it."""
_LONGEST_TYPED = 500
CLOCK_LEEWAY = timedelta(seconds=120)
"""For replicas whose clocks differ a little."""


class BadLink(Exception):
    """Not signed by us, or with a removed key."""


class ExpiredLink(Exception):
    pass


class SwitchedOffLink(ExpiredLink):
    """It works again once its partner is switched on."""


DIRECT = "direct"
"""The subject of the first page's form."""


def first_form_of(slug: str | None) -> str:
    """The subject of the form that starts at a partner's page, or at nobody's. No onboarding's id has a colon."""
    return DIRECT if slug is None else f"{DIRECT}:{slug}"


class StaleForm(Exception):
    """Not signed by us, for another form, or too old."""


class Signed:
    """Values as itsdangerous signs them, at a tenth of its cost: it derives each key anew, and tries to compress."""

    def __init__(self, secret_keys: Sequence[str], purpose: str) -> None:
        """`secret_keys`: the first signs, all verify."""
        self._serializer = URLSafeSerializer(
            list(reversed(secret_keys)),  # it signs with the last
            salt=purpose,
            signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
        )
        signer = self._serializer.make_signer()
        self._keys = [signer.derive_key(key) for key in reversed(signer.secret_keys)]

    def dumps(self, value: Sequence[str | int]) -> str:
        payload = base64_encode(_compact_json(value))
        return b".".join((payload, _signature(payload, self._keys[0]))).decode()

    def loads(self, token: str) -> Any:
        """Raises `BadData`, also for another spelling of a token of ours: base64 has several, and one has to do."""
        payload, _dot, signature = token.encode().rpartition(b".")
        if not any(hmac.compare_digest(_signature(payload, key), signature) for key in self._keys):
            raise BadSignature("not as it was signed")
        return self._serializer.load_payload(payload)

    def has_signed(self, token: str) -> bool:
        try:
            self.loads(token)
        except (BadData, ValueError):
            return False
        return True


_compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _signature(payload: bytes, key: bytes) -> bytes:
    return base64_encode(hmac.digest(key, payload, sha256))


class ReadLink(NamedTuple):
    onboarding_id: str
    generation: int
    """The link leads nowhere if the onboarding has another one."""


class AccessLinks:
    def __init__(self, secret_keys: Sequence[str], clock: Clock) -> None:
        self._clock = clock
        self._signed = Signed(secret_keys, "portal.access-link")
        # A page asks again and again with the same token. Those that are not genuine are not kept.
        self._read = lru_cache(maxsize=8192)(self._verified)

    def token(self, onboarding: Onboarding) -> str:
        """Always the same for one onboarding, until the link is replaced."""
        generation = [onboarding.link_generation] if onboarding.link_generation else []
        return self._signed.dumps([onboarding.id, int(onboarding.link_ends_at.timestamp()), *generation])

    def onboarding_id(self, token: str) -> str:
        """Of what may be an earlier link. Raises `BadLink` or `ExpiredLink`."""
        return self.read(token).onboarding_id

    def onboarding_at(self, path: str) -> str | None:
        """The id of the onboarding whose pages are below this address; None of any other address."""
        given = path.split("/", 3)
        if len(given) < 3 or given[1] != "o":
            return None
        try:
            return self.onboarding_id(given[2])
        except (BadLink, ExpiredLink):
            return None

    def is_ours(self, token: str) -> bool:
        """Also if it has expired."""
        try:
            self._read(token)
        except BadLink:
            return False
        return True

    def read(self, token: str) -> ReadLink:
        """Raises `BadLink` or `ExpiredLink`."""
        link, ends_at = self._read(token)
        if self._clock().timestamp() > ends_at:
            raise ExpiredLink
        return link

    def _verified(self, token: str) -> tuple[ReadLink, float]:
        """And when it ends, in seconds since 1970."""
        try:
            onboarding_id, expires, generation = [*self._signed.loads(token), 0][:3]
            return ReadLink(str(onboarding_id), int(generation)), expires + CLOCK_LEEWAY.total_seconds()
        except (BadData, TypeError, ValueError):
            raise BadLink from None

    def repaired(self, typed: str) -> str | None:
        """The token of ours in what mail and chat programs made of it: with signs around it, or in several lines."""
        if len(typed) > _LONGEST_TYPED:
            return None
        in_one_line = _BREAKS.sub("", typed)
        for text in (_FOREIGN.sub("", in_one_line), *_FOREIGN.split(in_one_line), *_FOREIGN.split(typed)):
            for end in range(len(text), len(text.rstrip(_ALSO_PUNCTUATION)) - 1, -1):
                if self._signed.has_signed(text[:end]):
                    return text[:end]
        return None


@dataclass(frozen=True, slots=True)
class FormToken:
    nonce: str
    """One per rendered form, so that submitting it twice starts one onboarding."""
    consent_version: str
    """The version of the consent text on that form."""
    age: timedelta


class FormTokens:
    def __init__(self, secret_keys: Sequence[str], consent_version: str, clock: Clock) -> None:
        self._consent_version = consent_version
        self._clock = clock
        self._signed = Signed(secret_keys, "portal.form")

    def issue(self, subject: str) -> str:
        issued_at = int(self._clock().timestamp())
        return self._signed.dumps([subject, secrets.token_urlsafe(12), self._consent_version, issued_at])

    def read(self, token: str, subject: str, *, lifetime: timedelta = FORM_LIFETIME) -> FormToken:
        try:
            issued_for, nonce, consent_version, issued_at = self._signed.loads(token)
        except (BadData, TypeError, ValueError):
            raise StaleForm from None
        age = self._clock().timestamp() - issued_at
        if issued_for != subject or age > lifetime.total_seconds():
            raise StaleForm
        return FormToken(nonce, consent_version, timedelta(seconds=age))


class MailKeys:
    """A key does only one thing: it stops the mails about one onboarding."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._signed = Signed(secret_keys, "portal.mail-stop")

    def key(self, onboarding_id: str) -> str:
        return self._signed.dumps([onboarding_id])

    def onboarding_id(self, key: str) -> str | None:
        """None if it is not ours."""
        try:
            (onboarding_id,) = self._signed.loads(key)
        except (BadData, TypeError, ValueError):
            return None
        return str(onboarding_id)
