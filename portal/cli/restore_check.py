"""portal restore-check"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from portal.cli.common import configuration, database, usable_schema
from portal.services.onboarding_facts import formatted
from portal.store.clock import DatabaseClock
from portal.store.restores import SEQUENCES, Restores


@click.command("restore-check")
def restore_check() -> None:
    """Say that the database was restored from a backup. Run before `serve`: waiting mails are not sent any more."""
    with database(configuration()) as engine:
        usable_schema(engine)
        clock = DatabaseClock(engine, lambda: datetime.now(UTC))
        clock.set()
        now = clock()
        number = Restores(engine).record(now)
    click.echo(
        f"Restore {number} noted at {formatted(now)}. Onboardings that began before it are looked for at gu1 before "
        f"they open a validation, and their notifications count on from {number * SEQUENCES + 1}."
    )
