"""portal migrate"""

from __future__ import annotations

import click

from portal.cli.common import configuration, database
from portal.store.database import migrate


@click.command("migrate")
def migrate_command() -> None:
    """Bring the database's schema up to date."""
    config = configuration()
    with database(config) as engine:
        migrate(engine, on_wait=_tell)
    click.echo("The schema is up to date.")


def _tell(seconds: float) -> None:
    click.echo(f"Another transaction uses the tables; trying again in {seconds:.0f} s.", err=True)
