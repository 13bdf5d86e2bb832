"""portal reverify --due"""

from __future__ import annotations

import json

import click

from portal.cli.common import LONGEST_LIST, configuration, database, print_table, usable_schema
from portal.domain.reference import reference_of
from portal.services.onboarding_facts import formatted
from portal.services.problems import ReverificationRow
from portal.store.onboarding_search import OnboardingSearch

COLUMNS = ("partner", "external id", "purpose", "reference", "due since")


@click.command("reverify")
@click.option("--due", is_flag=True, help="List customers who have to verify again, the longest due first.")
@click.option("--partner", metavar="SLUG", help="Only this partner's customers.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, LONGEST_LIST))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
def reverify(due: bool, partner: str | None, limit: int, as_json: bool) -> None:
    """List customers whose verification has ended, or for whom gu1 asks for a new one."""
    if not due:
        raise click.UsageError("give --due")
    with database(configuration()) as engine:
        usable_schema(engine)
        rows = OnboardingSearch(engine).list_reverifications(partner, limit=limit)
    if as_json:
        click.echo(json.dumps([_facts(row) for row in rows]))
    elif not rows:
        click.echo("No customer has to verify again.")
    else:
        print_table([COLUMNS, *([value or "" for value in _facts(row).values()] for row in rows)])
        if len(rows) == limit:
            click.echo(f"There may be more than {limit}; use --limit to show them.")


def _facts(row: ReverificationRow) -> dict[str, str | None]:
    return {
        "partner": row.partner or "",
        "external_id": row.external_id,
        "purpose": row.purpose,
        "reference": reference_of(row.onboarding_id),
        "due_since": formatted(row.reverification_due_at),
    }
