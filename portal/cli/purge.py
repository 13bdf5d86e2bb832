"""portal purge"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import click

from portal.cli.common import configuration, database, usable_schema
from portal.cli.installation_notes import note
from portal.cli.progress import progress
from portal.config import LONGEST_RETENTION, SHORTEST_RETENTION
from portal.domain.installation_change import InstallationChange
from portal.services.onboarding_facts import formatted
from portal.store.onboarding_retention import OnboardingRetention

SLICE = 100


@click.command("purge")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
@click.option(
    "--days",
    type=click.IntRange(SHORTEST_RETENTION, LONGEST_RETENTION),
    help="Instead of PORTAL_RETENTION_DAYS: how long ago an onboarding must have changed last.",
)
def purge(days: int | None, as_json: bool) -> None:
    """Delete finished onboardings that are older than PORTAL_RETENTION_DAYS, now instead of within the hour.

    May be interrupted and repeated.
    """
    config = configuration()
    days = days or config.retention_days
    if days is None:
        raise click.UsageError("nothing is deleted by age: set PORTAL_RETENTION_DAYS, or give --days")
    until, purged = datetime.now(UTC) - timedelta(days=days), 0
    with database(config) as engine, progress() as show:
        usable_schema(engine)
        retention = OnboardingRetention(engine)
        try:
            while found := retention.purge_onboardings(until, limit=SLICE):
                purged += found
                show(f"{purged} deleted")
        finally:  # also of what was deleted until Ctrl-C
            note(engine, InstallationChange.PURGED, f"onboardings: {purged}, not changed for days: {days}")
        retention.forget_deleted()
    if as_json:
        click.echo(json.dumps({"deleted": purged, "last_changed_before": formatted(until)}))
        return
    click.echo(f"{purged} onboardings deleted that last changed before {until:%Y-%m-%d %H:%M} UTC.")
