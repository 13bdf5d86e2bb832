"""What the commands share: the configuration, the database and the registry, or an error message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import Engine

from portal.config import Config, ConfigError, load_config
from portal.domain.errors import StoreUnavailable
from portal.partners.registry import Registry
from portal.partners.toml_file import PartnersError, read_registry
from portal.store.database import Schema, make_engine, schema_of


def configuration() -> Config:
    try:
        return load_config()
    except ConfigError as error:
        raise click.ClickException(f"the configuration is wrong:\n{error}") from None


@contextmanager
def database(config: Config) -> Iterator[Engine]:
    try:
        engine = make_engine(config.database_url)
        try:
            yield engine
        finally:
            engine.dispose()
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from None


def registry(path: Path | None) -> Registry:
    try:
        return read_registry(path)
    except PartnersError as error:
        raise click.ClickException(str(error)) from None


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """The first row holds the names of the columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def formatted(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def usable_schema(engine: Engine) -> Schema:
    schema = schema_of(engine)
    if schema is Schema.BEHIND:
        raise click.ClickException("the database's schema is older than this release; run: portal migrate")
    return schema
