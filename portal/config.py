"""The settings and what each of them may be. `portal.settings` reads them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from portal.domain.attempts import DEFAULT_WINDOW, LONGEST_WINDOW, SHORTEST_WINDOW
from portal.domain.capture_modes import Capture
from portal.domain.contact import is_contact_url, is_page_url
from portal.domain.durations import duration_of
from portal.domain.egress_proxy import EgressProxy, parsed_direct_host
from portal.domain.limit_storage import IN_MEMORY, NO_LIMITS, parsed_limit_storage
from portal.domain.locales import Locale
from portal.domain.provider_hosts import parsed_provider_host
from portal.domain.renaper_patience import DEFAULT_PATIENCE, RenaperPatience
from portal.domain.smtp_server import SmtpServer, is_sender
from portal.domain.start_limits import StartLimits
from portal.domain.weak_secrets import SHORTEST
from portal.domain.web_addresses import HIGHEST_PORT, is_loopback, split_web_url

MIN_KEY_LENGTH = 32
SHORTEST_RETENTION = 31
LONGEST_RETENTION = 36_500
"""In days: longer than any access link works."""
SOONEST_REMINDER, LATEST_REMINDER = timedelta(minutes=5), timedelta(days=7)
USUAL_START_LIMITS = StartLimits(address_hourly=30, document_daily=10, daily=5000)
SECRETS = (
    "PORTAL_SECRET_KEYS",
    "PORTAL_DATABASE_URL",
    "PORTAL_EGRESS_PROXY",
    "PORTAL_METRICS_TOKEN",
    "PORTAL_OPERATOR_TOKEN",
    "PORTAL_RATE_LIMIT_STORAGE",
    "PORTAL_SMTP_URL",
    "GU1_API_KEY",
    "GU1_WEBHOOK_SECRETS",
)
"""Settings that nothing shows, and that may come from the file that the variable with `_FILE` behind its name names."""
_SANDBOX_KEY = re.compile(r"(gk_sandbox|gk_test|sk_test|gsk_test)_")
_DEFAULT_PARTNERS_FILE = Path("partners.toml")


class Config(BaseModel):
    # Env files can leave spaces and line ends, which would break every request if used in a header or a URL.
    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True, str_strip_whitespace=True
    )

    base_url: str = Field("http://127.0.0.1:8000", validation_alias="PORTAL_BASE_URL")
    secret_keys: tuple[str, ...] = Field((), validation_alias="PORTAL_SECRET_KEYS", repr=False)
    database_url: str = Field("sqlite:///portal.db", validation_alias="PORTAL_DATABASE_URL", repr=False)
    database_pool_size: int = Field(5, ge=1, le=100, validation_alias="PORTAL_DATABASE_POOL_SIZE")
    database_pool_timeout: int = Field(2, ge=1, le=60, validation_alias="PORTAL_DATABASE_POOL_TIMEOUT")
    partners_file: Path | None = Field(None, validation_alias="PORTAL_PARTNERS_FILE")
    direct_start: bool = Field(True, validation_alias="PORTAL_DIRECT_START")
    default_locale: Locale = Field(Locale.ES_AR, validation_alias="PORTAL_DEFAULT_LOCALE")
    capture: Capture = Field(Capture.REDIRECT, validation_alias="PORTAL_CAPTURE")
    auto_continue: bool = Field(False, validation_alias="PORTAL_AUTO_CONTINUE")
    max_attempts: int = Field(3, ge=1, le=20, validation_alias="PORTAL_MAX_ATTEMPTS")
    attempts_window: timedelta = Field(DEFAULT_WINDOW, validation_alias="PORTAL_ATTEMPTS_WINDOW")
    photos_reminder: timedelta = Field(timedelta(hours=1), validation_alias="PORTAL_PHOTOS_REMINDER")
    smtp_url: str | None = Field(None, validation_alias="PORTAL_SMTP_URL", repr=False)
    mail_from: str | None = Field(None, validation_alias="PORTAL_MAIL_FROM")
    operator_name: str | None = Field(None, max_length=80, validation_alias="PORTAL_OPERATOR_NAME")
    contact_url: str | None = Field(None, validation_alias="PORTAL_CONTACT_URL")
    privacy_url: str | None = Field(None, validation_alias="PORTAL_PRIVACY_URL")
    retention_days: int | None = Field(
        None, ge=SHORTEST_RETENTION, le=LONGEST_RETENTION, validation_alias="PORTAL_RETENTION_DAYS"
    )
    starts_per_address: int | None = Field(None, ge=0, validation_alias="PORTAL_STARTS_PER_ADDRESS")
    starts_per_document: int | None = Field(None, ge=0, validation_alias="PORTAL_STARTS_PER_DOCUMENT")
    starts_per_day: int | None = Field(None, ge=0, validation_alias="PORTAL_STARTS_PER_DAY")
    rate_limit_storage: str | None = Field(None, validation_alias="PORTAL_RATE_LIMIT_STORAGE", repr=False)
    trusted_proxies: int = Field(0, ge=0, le=10, validation_alias="PORTAL_TRUSTED_PROXIES")
    egress_proxy_url: str | None = Field(None, validation_alias="PORTAL_EGRESS_PROXY", repr=False)
    no_proxy: tuple[str, ...] = Field((), validation_alias="PORTAL_NO_PROXY")
    hsts_subdomains: bool = Field(False, validation_alias="PORTAL_HSTS_SUBDOMAINS")
    development: bool = Field(False, validation_alias="PORTAL_DEVELOPMENT")
    metrics_port: int | None = Field(None, ge=1, le=HIGHEST_PORT, validation_alias="PORTAL_METRICS_PORT")
    metrics_token: str | None = Field(None, min_length=SHORTEST, validation_alias="PORTAL_METRICS_TOKEN", repr=False)
    operator_port: int | None = Field(None, ge=1, le=HIGHEST_PORT, validation_alias="PORTAL_OPERATOR_PORT")
    operator_token: str | None = Field(None, min_length=SHORTEST, validation_alias="PORTAL_OPERATOR_TOKEN", repr=False)
    access_log: bool = Field(False, validation_alias="PORTAL_ACCESS_LOG")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", validation_alias="PORTAL_LOG_LEVEL")

    gu1_base_url: str = Field("https://api.gu1.ai", validation_alias="GU1_BASE_URL")
    gu1_api_key: str = Field(min_length=1, validation_alias="GU1_API_KEY", repr=False)
    gu1_webhook_secrets: tuple[str, ...] = Field(validation_alias="GU1_WEBHOOK_SECRETS", repr=False)
    gu1_organization_id: str | None = Field(None, validation_alias="GU1_ORGANIZATION_ID")
    gu1_integration_code: str = Field(
        "global_gueno_validation_kyc", min_length=1, validation_alias="GU1_INTEGRATION_CODE"
    )
    gu1_entities_path: Literal["/api/entities", "/entities"] = Field(
        "/api/entities", validation_alias="GU1_ENTITIES_PATH"
    )
    gu1_concurrency: int = Field(200, ge=1, le=1000, validation_alias="GU1_CONCURRENCY")
    gu1_hourly_budget: int | None = Field(None, ge=1, validation_alias="GU1_HOURLY_BUDGET")
    gu1_double_check_renaper: bool = Field(True, validation_alias="GU1_DOUBLE_CHECK_RENAPER")
    gu1_renaper_patience: RenaperPatience = Field(DEFAULT_PATIENCE, validation_alias="GU1_RENAPER_PATIENCE")
    gu1_provider_hosts: tuple[str, ...] = Field(("verify.didit.me",), validation_alias="GU1_PROVIDER_HOSTS")

    @property
    def has_sandbox_key(self) -> bool:
        """gu1 invents the verdicts of its sandbox. It has one address for both, so only the key says which it is."""
        return _SANDBOX_KEY.match(self.gu1_api_key) is not None

    @field_validator("secret_keys", "gu1_webhook_secrets", "gu1_provider_hosts", "no_proxy", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in re.split(r"[,\r\n]", value) if part.strip())
        return value

    @field_validator("attempts_window", mode="before")
    @classmethod
    def _window(cls, value: object) -> object:
        window = duration_of(value) if isinstance(value, str) else value
        if not isinstance(window, timedelta) or not SHORTEST_WINDOW <= window <= LONGEST_WINDOW:
            raise ValueError("must be a time from 1h to 30d, like 24h or 7d")
        return window

    @field_validator("photos_reminder", mode="before")
    @classmethod
    def _reminder(cls, value: object) -> object:
        delay = duration_of(value) if isinstance(value, str) else value
        if not isinstance(delay, timedelta) or not SOONEST_REMINDER <= delay <= LATEST_REMINDER:
            raise ValueError("must be a time from 5m to 7d, like 1h or 2d")
        return delay

    @field_validator("gu1_renaper_patience", mode="before")
    @classmethod
    def _patience(cls, value: object) -> object:
        return RenaperPatience.parsed(value) if isinstance(value, str) else value

    @field_validator("smtp_url")
    @classmethod
    def _smtp_url(cls, value: str | None) -> str | None:
        if value is not None:
            SmtpServer.parsed(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def _mail_from(cls, value: str | None) -> str | None:
        if value is not None and not is_sender(value):
            raise ValueError("must be an address like verify@example.com or Example Bank <verify@example.com>")
        return value

    @field_validator("operator_name")
    @classmethod
    def _on_one_line(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("must be one line of printable characters")
        return value

    @field_validator("contact_url")
    @classmethod
    def _contact_url(cls, value: str | None) -> str | None:
        if value is not None and not is_contact_url(value):
            raise ValueError("must be an address like https://…, mailto:name@example.com or tel:+541155551234")
        return value

    @field_validator("privacy_url")
    @classmethod
    def _privacy_url(cls, value: str | None) -> str | None:
        if value is not None and not is_page_url(value):
            raise ValueError("must be an address like https://example.com/privacy")
        return value

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        parts = web_address(value)
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError("must be a scheme, a host and an optional port, without a path")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("gu1_base_url")
    @classmethod
    def _gu1_base_url(cls, value: str) -> str:
        return web_address(value).geturl().rstrip("/")

    @field_validator("egress_proxy_url")
    @classmethod
    def _egress_proxy_url(cls, value: str | None) -> str | None:
        if value is not None:
            EgressProxy.parsed(value)
        return value

    @field_validator("no_proxy")
    @classmethod
    def _no_proxy(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(parsed_direct_host, value))

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):  # its text can quote a part of the password
            raise ValueError("is not a database URL") from None
        if url.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
            raise ValueError(f"must begin with sqlite:// or postgresql+psycopg://, not with {url.drivername}://")
        if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
            raise ValueError("must name a file: sqlite:///portal.db")
        return value

    @field_validator("rate_limit_storage")
    @classmethod
    def _rate_limit_storage(cls, value: str | None) -> str | None:
        return value and parsed_limit_storage(value)

    @field_validator("secret_keys")
    @classmethod
    def _long_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(key) < MIN_KEY_LENGTH for key in value):
            raise ValueError(f"each key needs at least {MIN_KEY_LENGTH} characters")
        return value

    @field_validator("gu1_api_key", "gu1_organization_id", "gu1_integration_code", "metrics_token", "operator_token")
    @classmethod
    def _fits_a_header(cls, value: str | None) -> str | None:
        if value is not None and not (value.isascii() and value.isprintable()):
            raise ValueError("must be printable ASCII")
        return value

    @field_validator("gu1_webhook_secrets", "gu1_provider_hosts")
    @classmethod
    def _not_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("needs at least one value")
        return value

    @field_validator("gu1_provider_hosts")
    @classmethod
    def _provider_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(parsed_provider_host, value))

    @property
    def partners_path(self) -> Path | None:
        """None if there are no partners: PORTAL_PARTNERS_FILE is not set and there is no partners.toml here."""
        return self.partners_file or default_partners_file()

    @cached_property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_public(self) -> bool:
        """Whether others than this machine's users reach the portal."""
        return not is_loopback(self.host)

    @cached_property
    def egress_proxy(self) -> EgressProxy | None:
        return EgressProxy.parsed(self.egress_proxy_url, self.no_proxy) if self.egress_proxy_url else None

    @property
    def smtp_server(self) -> SmtpServer | None:
        return SmtpServer.parsed(self.smtp_url) if self.smtp_url else None

    @property
    def retention(self) -> timedelta | None:
        return timedelta(days=self.retention_days) if self.retention_days else None

    @property
    def start_limits(self) -> StartLimits:
        """Of the first page's form. A setting of 0 is no limit; one that is not set is none on loopback."""
        usual = USUAL_START_LIMITS if self.is_public else StartLimits()
        given = {
            "address_hourly": self.starts_per_address,
            "document_daily": self.starts_per_document,
            "daily": self.starts_per_day,
        }
        return replace(usual, **{name: limit or None for name, limit in given.items() if limit is not None})

    @property
    def request_limit_storage(self) -> str | None:
        """None: no limits, as on loopback if the setting is missing."""
        if self.rate_limit_storage == NO_LIMITS:
            return None
        return self.rate_limit_storage or (IN_MEMORY if self.is_public else None)

    @cached_property
    def database(self) -> URL:
        return make_url(self.database_url)

    @property
    def is_sqlite(self) -> bool:
        return self.database.get_backend_name() == "sqlite"


def default_partners_file() -> Path | None:
    return _DEFAULT_PARTNERS_FILE if _DEFAULT_PARTNERS_FILE.is_file() else None


def make_private(path: Path) -> None:
    """Takes a file's permissions from everybody but its owner. What cannot be changed is for `portal check` to name."""
    with contextlib.suppress(OSError):
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def web_address(value: str) -> SplitResult:
    """With its host in its one form. Raises `ValueError`."""
    parts = split_web_url(value)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("must be https; plain http is for loopback only")
    return parts


FIELDS: Mapping[str, str] = {str(it.validation_alias): name for name, it in Config.model_fields.items()}
"""The fields of `Config`, by the names of their environment variables."""
