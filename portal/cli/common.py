"""What the commands share: the configuration, the database and the registry, or an error message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Engine

from portal.config import FIELDS, SECRETS, Config, default_partners_file
from portal.domain.errors import StoreUnavailable
from portal.environment import Environment, read_environment
from portal.partners.registry import Registry
from portal.partners.toml_file import PartnersError, read_registry
from portal.settings import ConfigError, Settings, read_settings
from portal.store.database import Schema, engine_of, schema_of

LONGEST_LIST = 100_000


def configuration() -> Config:
    return settings().config


def settings() -> Settings:
    """Or an error that names all faults, those of the partners file too, so that nobody mends them one by one."""
    try:
        return read_settings()
    except ConfigError as error:
        faults = [str(error), *map(": ".join, unknown_settings(read_environment(FIELDS, SECRETS)))]
    try:
        read_registry(partners_file(), development=in_development())
    except PartnersError as error:
        faults.append(str(error))
    raise click.ClickException("\n".join(["the configuration is wrong:", *faults]))


def unknown_settings(environment: Environment) -> list[tuple[str, str]]:
    """Variables that look like settings and are none, and what that means."""
    return [
        (name, "no such setting, so it has no effect" + (f"; did you mean {near}?" if near else ""))
        for name, near in environment.unknown.items()
    ]


def partners_file() -> Path | None:
    """The one that the settings name, whatever else they say."""
    named = read_environment(FIELDS, SECRETS).given.get("PORTAL_PARTNERS_FILE")
    return Path(named.text) if named else default_partners_file()


def in_development() -> bool:
    """As the settings say, whatever else is wrong with them."""
    named = read_environment(FIELDS, SECRETS).given.get("PORTAL_DEVELOPMENT")
    try:
        return named is not None and TypeAdapter(bool).validate_python(named.text)
    except ValidationError:
        return False


@contextmanager
def database(config: Config) -> Iterator[Engine]:
    try:
        engine = engine_of(config)
        try:
            yield engine
        finally:
            engine.dispose()
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from None


def registry(path: Path | None, *, development: bool) -> Registry:
    try:
        return read_registry(path, development=development)
    except PartnersError as error:
        raise click.ClickException(str(error)) from None


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """The first row holds the names of the columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def usable_schema(engine: Engine) -> Schema:
    schema = schema_of(engine)
    if schema is Schema.BEHIND:
        raise click.ClickException("the database's schema is older than this release; run: portal migrate")
    return schema
