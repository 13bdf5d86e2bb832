"""Partners: their permissions, their branding and the secrets that they share with us."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from portal.config import web_address
from portal.domain.capture_modes import Capture
from portal.domain.contact import is_contact_url
from portal.domain.locales import Locale
from portal.domain.theme import ColourScheme, Theme, is_colour, theme_of
from portal.domain.web_addresses import as_browsers_ask, is_nearby, origin_of, split_web_url
from portal.services.notification import NotificationEndpoint

RESULT_PARAMETERS = ("onboarding_id", "status", "state", "t", "signature")
"""Query parameters that the portal adds to a return URL."""

LONGEST_RETURN_URL = 2048
LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}
LOGO_BYTES = 64 * 1024
SECRET_PREFIX = "whsec_"  # noqa: S105, the prefix of Standard Webhooks
KEY_PREFIX = "kyc_"
_LEAST_SECRET_BYTES = 24
_CREDENTIALS = re.compile(r"(https?://)([^/?#@\\]*@)")
_ASCII = re.compile(r"[\x21-\x7e]+")


def _origin(value: str) -> str:
    """As browsers write it: they compare it literally, and it goes into our headers."""
    origin = origin_of(web_address(value).geturl())
    if origin is None:
        raise ValueError("must be an origin without a path, such as https://www.example.com or https://a.example:444")
    return origin


def _return_url(value: str) -> str:
    """In its one form, as the Location header gets it and browsers ask for it."""
    parts = web_address(as_browsers_ask(value))
    taken = set(parse_qs(parts.query, keep_blank_values=True)) & set(RESULT_PARAMETERS)
    if taken:
        raise ValueError(f"must have no parameter {sorted(taken)[0]}: the portal adds {', '.join(RESULT_PARAMETERS)}")
    url = parts.geturl()
    if len(url) > LONGEST_RETURN_URL:
        raise ValueError(f"must have at most {LONGEST_RETURN_URL} characters, also when it is percent-encoded")
    return url


def _registered_return_url(value: str) -> str:
    url = _return_url(value)
    if "*" in url:
        raise ValueError("must have no *: it stands for itself alone, and only the query may differ")
    return url


def _notify_url(value: str, info: ValidationInfo) -> str:
    """With `development` in the context also plain http to what is nearby, and a name and password."""
    if not (info.context and info.context.get("development")):
        url = web_address(value).geturl()
    else:
        url = _notify_url_in_development(value)
    if not _ASCII.fullmatch(url) or "*" in value:
        raise ValueError("must be printable ASCII behind the host, without *; percent-encode everything else")
    return url


def _notify_url_in_development(value: str) -> str:
    found = _CREDENTIALS.match(value)
    parts = split_web_url(_CREDENTIALS.sub(r"\1", value))
    if parts.scheme == "http" and not is_nearby(parts.hostname or ""):
        raise ValueError("must be https; plain http is for loopback, containers and private addresses")
    return parts._replace(netloc=(found[2] if found else "") + parts.netloc).geturl()


def _key_hash(value: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        raise ValueError("must be sha256: and 64 hex digits, as `portal partner new` prints them; not the key itself")
    return value


def _signing_secret(value: str) -> str:
    if len(secret_bytes(value)) < _LEAST_SECRET_BYTES:
        raise ValueError(f"must be {SECRET_PREFIX} and {_LEAST_SECRET_BYTES} bytes or more as base64")
    return value


def _contact(value: str) -> str:
    if not is_contact_url(value):
        raise ValueError("must be a URL such as https://…, mailto:name@example.com or tel:+541155551234")
    return value


def _printable(value: str) -> str:
    if not value.isprintable() or not value.strip():
        raise ValueError("must be one line of printable text")
    return value.strip()


def _colour(value: str) -> str:
    if not is_colour(value.lower()):
        raise ValueError("must be a colour as six hex digits, such as #0b6e5b")
    return value.lower()


Line = Annotated[str, AfterValidator(_printable)]
Colour = Annotated[str, AfterValidator(_colour)]


class UnknownIdentity(StrEnum):
    """What becomes of an approval whose document could not be compared with the customer's details."""

    ACCEPT = "accept"
    HOLD = "hold"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Palette(_Strict):
    scheme: ColourScheme = ColourScheme.AUTO
    accent: Colour | None = None
    """None for the portal's own colours."""
    on_accent: Colour | None = None
    dark_accent: Colour | None = None
    radius: int = Field(12, ge=0, le=24)

    @model_validator(mode="after")
    def _readable(self) -> Palette:
        needing = self.model_fields_set & {"on_accent", "dark_accent", "radius"}
        if needing and self.accent is None:
            raise ValueError(f"{sorted(needing)[0]} needs an accent beside it")
        _ = self.theme
        return self

    @cached_property
    def theme(self) -> Theme | None:
        if self.accent is None:
            return None
        return theme_of(self.accent, on_accent=self.on_accent, dark_accent=self.dark_accent, radius=self.radius)


class Partner(_Strict):
    slug: str = Field(exclude=True)
    name: Annotated[Line, Field(max_length=80)]
    enabled: bool = True
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()
    """Sites that may embed our pages in a frame."""
    return_urls: tuple[Annotated[str, AfterValidator(_registered_return_url)], ...] = ()
    api_keys: tuple[Annotated[str, AfterValidator(_key_hash)], ...] = Field((), repr=False)
    signing_secrets: tuple[Annotated[str, AfterValidator(_signing_secret)], ...] = Field(
        min_length=1, max_length=3, repr=False
    )
    """The first signs results; each of them signs notifications."""
    notify_url: Annotated[str, AfterValidator(_notify_url)] | None = Field(None, repr=False)
    locale: Locale | None = None
    theme: Palette | None = None
    logo: str | None = None
    capture: Capture | None = None
    auto_continue: bool | None = None
    integration_code: Annotated[Line, Field(pattern=r"^[\x21-\x7e]+$")] | None = None
    renaper: bool | None = None
    max_attempts: int | None = Field(None, ge=1, le=20)
    unknown_identity: UnknownIdentity = UnknownIdentity.ACCEPT
    contact_url: Annotated[str, AfterValidator(_contact)] | None = None
    webview: Annotated[Line, Field(min_length=3, max_length=80, pattern=r"^[\x20-\x7e]+$")] | None = None
    """What the partner's own app adds to the User-Agent of the WebView in which it shows our pages."""
    start_page: bool = False
    """Whether anybody may start at `/s/SLUG`, without the partner's backend."""
    starts_per_day: int | None = Field(None, ge=1)
    """How many onboardings may begin for it, by its backend and at its `start_page` together."""
    mails: bool = True
    """Whether its customers get mails, where PORTAL_SMTP_URL is set."""
    prefix_external_ids: bool = False
    """Whether this partner's customers are `slug:external_id` at gu1, so that partners may use the same ids."""

    @property
    def described(self) -> str:
        """One line for an operator, without secrets."""
        counted = {
            "API keys": self.api_keys,
            "signing secrets": self.signing_secrets,
            "origins": self.origins,
            "return URLs": self.return_urls,
        }
        parts = [f"{what}: {len(values)}" for what, values in counted.items()]
        if self.start_page:
            parts.append(f"anybody may start at /s/{self.slug}")
        parts.append(f"notified at {urlsplit(self.notify_url).hostname}" if self.notify_url else "not notified")
        return ", ".join(["on" if self.enabled else "SWITCHED OFF", *parts])

    def known_as(self, external_id: str) -> str | None:
        return f"{self.slug}:{external_id}" if self.prefix_external_ids else None

    def return_url(self, asked: str) -> str:
        """`asked` in its one form, if it is a registered one. Its query may differ, without `RESULT_PARAMETERS`.

        Raises `ValueError`, whose text says why not.
        """
        url = _return_url(asked)
        if not any(_without_query(url) == _without_query(known) for known in self.return_urls):
            raise ValueError("is not among the partner's registered return URLs")
        return url


@dataclass(frozen=True, slots=True)
class Logo:
    content: bytes = field(repr=False)
    mimetype: str
    version: str
    """Changes with the content."""


@dataclass(frozen=True)
class Registry:
    partners: Mapping[str, Partner] = field(default_factory=dict)
    logos: Mapping[str, Logo] = field(default_factory=dict)

    def get(self, slug: str | None) -> Partner | None:
        """Also if it is not enabled."""
        return self.partners.get(slug) if slug else None

    def wants_notifications(self, slug: str) -> bool:
        partner = self.get(slug)
        return partner is not None and partner.notify_url is not None

    def wants_mails(self, slug: str | None) -> bool:
        """Also for None, which is no partner."""
        partner = self.get(slug)
        return slug is None or (partner is not None and partner.enabled and partner.mails)

    def notification_endpoints(self) -> dict[str, NotificationEndpoint]:
        """Of all enabled partners that want notifications, by slug."""
        return {
            slug: NotificationEndpoint(partner.notify_url, tuple(map(secret_bytes, partner.signing_secrets)))
            for slug, partner in self.partners.items()
            if partner.enabled and partner.notify_url
        }

    def may_call(self, partner: Partner, external_id: str) -> bool:
        """False if that customer's id at gu1 could also be another partner's."""
        others = (it.slug for it in self.partners.values() if it.prefix_external_ids)
        return partner.prefix_external_ids or not external_id.startswith(tuple(f"{slug}:" for slug in others))

    def by_key(self, key: str) -> Partner | None:
        """The partner with this API key. Comparing hashes reveals nothing about the key by its timing."""
        return self._by_key_hash.get(hash_of_key(key))

    @cached_property
    def _by_key_hash(self) -> Mapping[str, Partner]:
        return {key_hash: partner for partner in self.partners.values() for key_hash in partner.api_keys}


def new_key() -> str:
    return KEY_PREFIX + secrets.token_urlsafe(32)


def hash_of_key(key: str) -> str:
    """A key has 256 random bits, so it needs neither a salt nor a slow hash."""
    return f"sha256:{sha256(key.encode()).hexdigest()}"


def new_signing_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_bytes(secret: str) -> bytes:
    """The key that Standard Webhooks signs with; empty if `secret` is not one."""
    prefix, encoded = secret[: len(SECRET_PREFIX)], secret[len(SECRET_PREFIX) :]
    try:
        return base64.b64decode(encoded, validate=True) if prefix == SECRET_PREFIX else b""
    except (binascii.Error, ValueError):
        return b""


def _without_query(url: str) -> str:
    return url.partition("?")[0]
