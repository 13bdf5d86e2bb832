"""portal partner new | rotate | link | deliveries | resend"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import click
from sqlalchemy import Engine

from portal.cli.common import LONGEST_LIST, configuration, database, print_table, usable_schema
from portal.cli.installation_notes import note
from portal.cli.partner_keys import link, new, rotate
from portal.cli.progress import progress
from portal.domain.installation_change import InstallationChange
from portal.services.notification import Event
from portal.services.onboarding_facts import formatted
from portal.store.clock import server_time
from portal.store.outbox import Outbox

_COLUMNS = ("event", "partner", "onboarding", "sequence", "status", "created", "attempts", "next", "last outcome")


@click.group("partner")
def partner_group() -> None:
    """Manage partners and the notifications to their backends."""


for command in (new, rotate, link):
    partner_group.add_command(command)


@partner_group.command()
@click.argument("slug", required=False)
@click.option("--all", "with_delivered", is_flag=True, help="Include delivered ones.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, LONGEST_LIST))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
def deliveries(slug: str | None, with_delivered: bool, limit: int, as_json: bool) -> None:
    """List undelivered notifications, the newest first."""
    with database(configuration()) as engine:
        outbox, now = _outbox_and_time(engine)
        events = outbox.list_events(slug, undelivered_only=not with_delivered, limit=limit)
    if as_json:
        names = [name.replace(" ", "_") for name in _COLUMNS]
        click.echo(json.dumps([dict(zip(names, _row(event, now), strict=True)) for event in events]))
        return
    if not events:
        click.echo("No notifications." if with_delivered else "All notifications are delivered.")
        return
    print_table([_COLUMNS, *(_row(event, now) for event in events)])
    if len(events) == limit:
        click.echo(f"There may be more than {limit}; use --limit to show them.")


@partner_group.command()
@click.argument("event_ids", nargs=-1, metavar="[EVENT_ID]...")
@click.option("--partner", "slug", help="With --undelivered, instead of event ids.")
@click.option("--undelivered", is_flag=True, help="All undelivered notifications of the partner.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
def resend(event_ids: tuple[str, ...], slug: str | None, undelivered: bool, as_json: bool) -> None:
    """Send notifications again now, with as many tries as new ones."""
    if bool(event_ids) == bool(slug) or bool(slug) != undelivered:
        raise click.UsageError("give event ids, or --partner SLUG --undelivered")
    with database(configuration()) as engine:
        outbox, now = _outbox_and_time(engine)
        if slug:
            scheduled, found = _resend_undelivered(outbox, slug, now), set[str]()
        else:
            found = outbox.resend(event_ids, now)
            scheduled = len(found)
        of_partner = f"partner {slug}, " if slug else ""
        note(engine, InstallationChange.NOTIFICATIONS_RESENT, f"{of_partner}notifications: {scheduled}")
    click.echo(json.dumps({"scheduled": scheduled}) if as_json else f"Scheduled: {scheduled}")
    if unknown := sorted(set(event_ids) - found):
        raise click.ClickException(f"no such event: {', '.join(unknown)}")


def _resend_undelivered(outbox: Outbox, slug: str, now: datetime) -> int:
    scheduled = 0
    with progress("Run it again to schedule the others.") as show:
        for more in outbox.resend_undelivered(slug, now):
            scheduled += more
            show(f"{scheduled} scheduled")
    return scheduled


def _outbox_and_time(engine: Engine) -> tuple[Outbox, datetime]:
    """The outbox, and the current time of the shared clock."""
    usable_schema(engine)
    return Outbox(engine), server_time(engine)


def _row(event: Event, now: datetime) -> Sequence[str]:
    return (
        event.id,
        event.partner,
        event.onboarding_id,
        str(event.sequence),
        str(event.summary.get("status", "")),
        formatted(event.created_at),
        str(event.attempts),
        _next(event, now),
        event.outcome or "",
    )


def _next(event: Event, now: datetime) -> str:
    if event.lease_until and event.lease_until >= now:
        return "being sent"
    if event.due_at:
        return "due" if event.due_at <= now else formatted(event.due_at)
    return f"delivered {formatted(event.delivered_at)}" if event.delivered_at else "given up"
