"""portal migrate"""

from __future__ import annotations

import json

import click

from portal.cli.common import configuration, database
from portal.cli.installation_notes import note
from portal.cli.progress import progress
from portal.domain.installation_change import InstallationChange
from portal.store.database import migrate, migrations_left


@click.command("migrate")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
def migrate_command(as_json: bool) -> None:
    """Bring the database's schema up to date. May be interrupted and repeated."""
    config = configuration()
    with database(config) as engine, progress(between_lines=0) as show:
        before = left = migrations_left(engine)

        def tell(now_left: int, why: str = "") -> None:
            nonlocal left
            left = now_left
            show(f"{before - left} of {before} migrations applied{why}")

        def tell_of_wait(seconds: float) -> None:
            tell(left, f"; another transaction uses the tables, trying again in {seconds:.0f} s")

        if left:
            tell(left)
        try:
            migrate(engine, on_step=tell, on_wait=tell_of_wait)
        except KeyboardInterrupt:
            tell(migrations_left(engine))
            raise
        if before:  # containers run this at every start
            note(engine, InstallationChange.MIGRATED, f"migrations: {before}")
    click.echo(json.dumps({"applied": before}) if as_json else "The schema is up to date.")
