"""portal config"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import click

from portal.cli.common import print_table, settings
from portal.config import FIELDS, SECRETS, Config
from portal.domain.durations import duration_text

_COLUMNS = ("setting", "value", "from")


@click.command("config")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
@click.option("--example", is_flag=True, help="Print a file of all settings with their defaults, to begin with.")
def config_command(as_json: bool, example: bool) -> None:
    """Show the effective settings and where each comes from. Secrets are masked."""
    if example:
        click.echo(example_file(), nl=False)
        return
    found = settings()
    rows = {name: {"value": _shown(found.config, name), "source": found.source_of(name)} for name in FIELDS}
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    print_table([_COLUMNS, *((name, _line(row["value"]), str(row["source"])) for name, row in rows.items())])


def example_file() -> str:
    """`.env.example`."""
    fields = {name: Config.model_fields[field] for name, field in FIELDS.items()}
    lines = ["# Copy this to .env and fill it in. docs/operating.md#settings says what each setting means.", ""]
    lines += [f"{name}=" for name, field in fields.items() if field.is_required()]
    lines += ["", "# Required with PostgreSQL. Make one with: openssl rand -hex 32", "PORTAL_SECRET_KEYS=", ""]
    lines += [
        "# Secrets may come from files instead:",
        *(f"# {name}_FILE=/run/secrets/{name.lower()}" for name in SECRETS),
    ]
    lines += ["", "# What holds unless it is set:"]
    for name, field in fields.items():
        if not field.is_required() and name != "PORTAL_SECRET_KEYS":
            lines.append(f"# {name}={_line(_plain(field.default))}".replace("=none", "="))
    return "\n".join(lines) + "\n"


def _shown(config: Config, name: str) -> Any:
    """As JSON has it."""
    value = getattr(config, FIELDS[name])
    if name == "PORTAL_DATABASE_URL":
        return _without_password(config)
    if name == "PORTAL_EGRESS_PROXY" and config.egress_proxy:
        return config.egress_proxy.url
    if name == "PORTAL_PARTNERS_FILE":
        return str(config.partners_path) if config.partners_path else None
    if name in SECRETS and value is not None:
        return [_masked(it) for it in value] if isinstance(value, tuple) else _masked(value)
    return _plain(value)


def _plain(value: object) -> Any:
    if isinstance(value, timedelta):
        return duration_text(value)
    return list(value) if isinstance(value, tuple) else value if isinstance(value, int | None) else str(value)


def _without_password(config: Config) -> str:
    """Nor its query, in which a password may stand too."""
    return config.database.set(query={}).render_as_string(hide_password=True)


def _masked(secret: str) -> str:
    return f"*** ({len(secret)} characters)"


def _line(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
