"""portal rekey"""

from __future__ import annotations

import sys

import click

from portal.cli.common import configuration, database, show_progress, usable_schema
from portal.store.encryption import ColumnCipher
from portal.store.sealed_values import Rekeyed, SealedValues


@click.command("rekey")
def rekey() -> None:
    """Seal everything that is stored encrypted anew, with the first key. May be interrupted and repeated."""
    config = configuration()
    total = Rekeyed(0, 0, 0)
    with database(config) as engine:
        usable_schema(engine)
        for done in SealedValues(engine, ColumnCipher(config.secret_keys)).rekey():
            total = Rekeyed(
                total.seen + done.seen, total.resealed + done.resealed, total.without_key + done.without_key
            )
            show_progress(f"{total.seen} looked at, {total.resealed} sealed anew")
    if sys.stderr.isatty():
        click.echo(err=True)
    if total.without_key:
        raise click.ClickException(f"no key opens {total.without_key} values: list theirs too, and repeat")
    click.echo("Everything is sealed with the first key.")
    if len(config.secret_keys) > 1:
        click.echo("The other keys are free 30 days after they stopped being the first: until then they verify links.")
