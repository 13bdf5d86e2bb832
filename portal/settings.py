"""Reads the settings. Wrong ones prevent the start, with an error that names them all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from portal.config import FIELDS, MIN_KEY_LENGTH, SECRETS, Config, make_private
from portal.domain.provider_hosts import ANY_LOOPBACK
from portal.domain.weak_secrets import guessable, miscopied
from portal.domain.web_addresses import is_loopback
from portal.environment import Environment, Given, read_environment
from portal.setting_errors import problem_text

_KEYS, _DATABASE, _BASE_URL, _GU1_URL = "PORTAL_SECRET_KEYS", "PORTAL_DATABASE_URL", "PORTAL_BASE_URL", "GU1_BASE_URL"
_SMTP, _MAIL_FROM = "PORTAL_SMTP_URL", "PORTAL_MAIL_FROM"
_STAND_INS: Mapping[str, object] = {"GU1_API_KEY": "-", "GU1_WEBHOOK_SECRETS": ("-",)}
"""For required settings that are missing, so that the other ones can be judged all the same."""


class ConfigError(Exception):
    """Its text has a line for each wrong setting, without secrets."""


@dataclass(frozen=True, slots=True)
class Settings:
    config: Config
    environment: Environment

    def source_of(self, name: str) -> str:
        """Where a setting's value comes from, by its variable's name."""
        if name in self.environment.given:
            return self.environment.given[name].source
        return f"file {_key_file(self.config)}" if name == _KEYS else "default"


def load_config(**overrides: object) -> Config:
    """From the environment; without secret keys, from the key file beside a SQLite database.

    `overrides`: by the names of `Config`'s fields, instead of what is given. Raises `ConfigError`.
    """
    return read_settings(**overrides).config


def read_settings(**overrides: object) -> Settings:
    """As `load_config`, and where each setting comes from.

    Read anew at each start of a worker process, so a changed file and SIGHUP replace a secret.
    """
    environment = read_environment(FIELDS, SECRETS)
    faults = dict(environment.faults)
    values: dict[str, object] = {name: it.text for name, it in environment.given.items() if name not in faults}
    values |= {name: overrides[field] for name, field in FIELDS.items() if field in overrides}
    config, wrong = _validated(values)
    unread = {name.removesuffix("_FILE") for name in faults}
    faults |= {name: _hint(environment.given.get(name)) or it for name, it in wrong.items() if name not in unread}
    if not config.secret_keys and not {_KEYS, f"{_KEYS}_FILE", _DATABASE, f"{_DATABASE}_FILE"} & faults.keys():
        try:
            config = config.model_copy(update={"secret_keys": _keys_beside(config, may_create=not faults)})
        except ValueError as error:
            faults[_KEYS] = str(error)
    is_public = config.is_public or (_BASE_URL in faults and not _names_loopback(environment.given[_BASE_URL].text))
    for name, problem in _conflicts(config, faults, is_public=is_public):
        faults.setdefault(name, problem)
    if faults:
        raise ConfigError("\n".join(f"{name}: {problem}" for name, problem in faults.items()))
    return Settings(config, environment)


def weak_secrets(config: Config) -> dict[str, str]:
    """What is wrong with secrets that can be guessed or were not copied as they are, by the setting's name."""
    weak = {
        name: next(filter(None, (miscopied(it) or guessable(it) for it in them)), None)
        for name, them in secrets_of(config).items()
    }
    return {
        name: problem for name, problem in ({"GU1_API_KEY": miscopied(config.gu1_api_key)} | weak).items() if problem
    }


def secrets_of(config: Config) -> dict[str, tuple[str, ...]]:
    """Those that are good only if nobody can guess them, by the setting's name."""
    return {
        _KEYS: config.secret_keys,
        "PORTAL_METRICS_TOKEN": (config.metrics_token,) if config.metrics_token else (),
        "PORTAL_OPERATOR_TOKEN": (config.operator_token,) if config.operator_token else (),
        "GU1_WEBHOOK_SECRETS": config.gu1_webhook_secrets,
    }


def _validated(values: Mapping[str, object]) -> tuple[Config, dict[str, str]]:
    """What is right, with defaults for the rest; and what is wrong, by name."""
    try:
        return Config.model_validate(values), {}
    except ValidationError as error:
        problems = {
            str(it["loc"][0]): problem_text(
                it, secret=it["loc"][0] in SECRETS, field=Config.model_fields[FIELDS[str(it["loc"][0])]]
            )
            for it in error.errors()
        }
    right = {name: value for name, value in values.items() if name not in problems}
    stand_ins = {name: value for name, value in _STAND_INS.items() if name not in right}
    return Config.model_validate(stand_ins | right), problems


def _hint(given: Given | None) -> str | None:
    return miscopied(given.text) if given else None


def _conflicts(config: Config, faults: Mapping[str, str], *, is_public: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with settings beside others."""
    any_host = ANY_LOOPBACK in config.gu1_provider_hosts
    if any_host and _GU1_URL not in faults and not is_loopback(urlsplit(config.gu1_base_url).hostname or ""):
        yield "GU1_PROVIDER_HOSTS", "found '*'; that is allowed only for a gu1 on loopback"
    if (config.smtp_url is None) != (config.mail_from is None) and not {_SMTP, _MAIL_FROM} & faults.keys():
        missing, given = (_SMTP, _MAIL_FROM) if config.smtp_url is None else (_MAIL_FROM, _SMTP)
        yield missing, f"is needed beside {given}"
    if is_public:
        # Stand-ins belong to settings that are named already.
        yield from weak_secrets(config).items()


def _names_loopback(text: str) -> bool:
    try:
        return is_loopback(urlsplit(text if "://" in text else f"//{text}").hostname or "")
    except ValueError:
        return False


def _key_file(config: Config) -> Path:
    database = Path(str(config.database.database).removeprefix("file:"))
    return database.with_name(database.name + ".keys")


def _keys_beside(config: Config, *, may_create: bool) -> tuple[str, ...]:
    """Creates the file once, readable by its owner only; of two processes the second reads what the first wrote.

    Raises `ValueError`.
    """
    if not config.is_sqlite or not config.database.database:
        raise ValueError("required with this database; create one with: openssl rand -hex 32")
    path = _key_file(config)
    if not path.exists() and not may_create:
        return ()
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        if not path.exists():
            fresh.touch(mode=0o600, exist_ok=False)
            fresh.write_text(secrets.token_hex(32) + "\n", "ascii")
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
            fresh.unlink()
        make_private(path)
        keys = tuple(path.read_text("ascii").replace(",", "\n").split())
    except OSError as error:
        raise ValueError(f"the key file cannot be created or read: {error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the key file {path} is not text") from None
    if not keys or any(len(key) < MIN_KEY_LENGTH for key in keys):
        raise ValueError(f"the key file {path} is empty or has a key that is too short")
    return keys
