"""portal rekey"""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from portal.cli.common import configuration, database, usable_schema
from portal.cli.installation_notes import note
from portal.cli.progress import progress
from portal.domain.installation_change import InstallationChange
from portal.store.encryption import ColumnCipher
from portal.store.sealed_values import Rekeyed, SealedValues


@click.command("rekey")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
def rekey(as_json: bool) -> None:
    """Seal everything that is stored encrypted anew, with the first key. May be interrupted and repeated."""
    config = configuration()
    total = Rekeyed(0, 0, 0)
    with database(config) as engine, progress() as show:
        usable_schema(engine)
        try:
            for done in SealedValues(engine, ColumnCipher(config.secret_keys)).rekey():
                total = Rekeyed(
                    total.seen + done.seen, total.resealed + done.resealed, total.without_key + done.without_key
                )
                show(f"{total.seen} looked at, {total.resealed} sealed anew")
        finally:  # also of what was done until Ctrl-C
            counts = f"values: {total.seen}, sealed anew: {total.resealed}, without key: {total.without_key}"
            note(engine, InstallationChange.REKEYED, counts)
    if as_json:
        click.echo(json.dumps(asdict(total)))
    if total.without_key:
        raise click.ClickException(f"no key opens {total.without_key} values: list theirs too, and repeat")
    if as_json:
        return
    click.echo("Everything is sealed with the first key.")
    if len(config.secret_keys) > 1:
        click.echo("The other keys are free 30 days after they stopped being the first: until then they verify links.")
