"""portal restore-check"""

from __future__ import annotations

import json

import click

from portal.cli.common import configuration, database, usable_schema
from portal.cli.installation_notes import note
from portal.cli.progress import progress
from portal.domain.installation_change import InstallationChange
from portal.services.onboarding_facts import formatted
from portal.store.clock import server_time
from portal.store.restores import SEQUENCES, Restores


@click.command("restore-check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
def restore_check(as_json: bool) -> None:
    """Say that the database was restored from a backup. Run before `serve`: waiting mails are not sent any more."""
    with database(configuration()) as engine, progress("Run it again."):
        usable_schema(engine)
        now = server_time(engine)
        number = Restores(engine).record(now)
        note(engine, InstallationChange.RESTORED, f"restore: {number}")
    first = number * SEQUENCES + 1
    if as_json:
        click.echo(json.dumps({"restore": number, "at": formatted(now), "notifications_from": first}))
        return
    click.echo(
        f"Restore {number} noted at {formatted(now)}. Onboardings that began before it are looked for at gu1 before "
        f"they open a validation, and their notifications count on from {first}."
    )
