"""portal history"""

from __future__ import annotations

import json

import click

from portal.cli.common import LONGEST_LIST, configuration, database, print_table, usable_schema
from portal.services.onboarding_facts import formatted
from portal.store.installation_history import InstallationEntry, InstallationHistory


@click.command("history")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, LONGEST_LIST))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
def history(limit: int, as_json: bool) -> None:
    """Show when keys, settings and partners changed, and which commands ran on all onboardings, the newest first."""
    with database(configuration()) as engine:
        usable_schema(engine)
        entries = InstallationHistory(engine).newest(limit=limit)
    if as_json:
        click.echo(json.dumps([it._asdict() | {"at": formatted(it.at) if it.at else None} for it in entries]))
    elif not entries:
        click.echo("Nothing has been noted yet.")
    else:
        print_table([_line(it) for it in entries])
        if len(entries) == limit:
            click.echo(f"There may be more than {limit}; use --limit to show them.")


def _line(entry: InstallationEntry) -> tuple[str, ...]:
    at = f"{entry.at:%Y-%m-%d %H:%M} UTC" if entry.at else "unknown"
    return at, entry.what.replace("_", " "), entry.who, entry.details
