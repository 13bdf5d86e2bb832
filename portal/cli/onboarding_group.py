"""portal onboarding find | show | list | sync | resume | release | reject | cancel | allow-attempt | erase"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from portal.cli.common import LONGEST_LIST, configuration, database, print_table, usable_schema
from portal.cli.onboarding_output import (
    LINE_COLUMNS,
    PROBLEM_COLUMNS,
    line_of,
    print_found,
    problem_line,
)
from portal.config import Config
from portal.domain.errors import ActionRefused, AmbiguousName, Gu1Error, StoreUnavailable, UnknownOnboarding
from portal.domain.onboarding import Onboarding
from portal.domain.reasons import Reason
from portal.domain.reference import looks_like_reference, read_reference
from portal.services.onboarding_facts import facts_of, line_facts, problem_facts
from portal.services.operator_actions import REASONS, Operator, OperatorActions
from portal.services.problems import Problem

_NAME = click.argument("name", metavar="REFERENCE|ID|EXTERNAL_ID|GU1_ID")
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")


def _text(longest: int) -> Callable[[click.Context, click.Parameter, str], str]:
    def check(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
        value = value.strip()
        if not value or len(value) > longest or not value.isprintable():
            raise click.BadParameter(f"1 to {longest} printable characters")
        return value

    return check


def _signed(command: Callable[..., None]) -> Callable[..., None]:
    """Who acts, and why: both are written into the history."""
    command = click.option("--note", required=True, callback=_text(500), help="Why; no personal data.")(command)
    return click.option("--by", required=True, callback=_text(100), help="Your name, for the history.")(command)


@click.group("onboarding")
def onboarding_group() -> None:
    """Find onboardings, see what happened to them, and act."""


@onboarding_group.command()
@_NAME
@_AS_JSON
def find(name: str, as_json: bool) -> None:
    """List the onboardings with this reference, id, external id or id at gu1, the newest first."""
    with _actions() as (actions, _config):
        found = actions.find(name)
        lines = [(it, actions.stage_of(it)) for it in found]
    if not lines:
        raise click.ClickException(_unknown(name))
    if as_json:
        click.echo(json.dumps([line_facts(it, stage) for it, stage in lines]))
    else:
        print_table([LINE_COLUMNS, *(line_of(it, stage) for it, stage in lines)])


@onboarding_group.command()
@_NAME
@_AS_JSON
def show(name: str, as_json: bool) -> None:
    """Show one onboarding, its validations and its history."""
    with _actions() as (actions, _config):
        found = actions.show(actions.only(name))
    if as_json:
        click.echo(json.dumps(facts_of(found)))
    else:
        print_found(found)


@onboarding_group.command("list")
@click.option("--held", "problem", flag_value="held", help="Approved at gu1, and the approval is held here.")
@click.option("--stuck", "problem", flag_value="stuck", help="Does not go on, and the applicant can do nothing.")
@click.option("--failing", "problem", flag_value="failing", help="A step failed and is tried again.")
@click.option("--erasure", "problem", flag_value="erasure", help="The applicant asks for the data to be erased.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, LONGEST_LIST))
@_AS_JSON
def list_(problem: str | None, limit: int, as_json: bool) -> None:
    """List onboardings that somebody should look at, the longest waiting first."""
    if problem is None:
        raise click.UsageError("give --held, --stuck, --failing or --erasure")
    with _actions() as (actions, _config):
        rows = actions.list_problems(Problem(problem), limit=limit)
    if as_json:
        click.echo(json.dumps([problem_facts(row) for row in rows]))
        return
    if not rows:
        click.echo("Nobody asks to be erased." if problem == Problem.ERASURE else f"No onboarding is {problem}.")
        return
    print_table([PROBLEM_COLUMNS, *map(problem_line, rows)])
    if len(rows) == limit:
        click.echo(f"There may be more than {limit}; use --limit to show them.")


@onboarding_group.command()
@_NAME
@_signed
def sync(name: str, by: str, note: str) -> None:
    """Have gu1 ask its provider, free of charge, and apply the answer."""

    async def run(actions: OperatorActions, config: Config) -> Onboarding:
        # Imported late: the metrics in these decide at import whether several processes share them.
        from portal.gu1.client import make_gu1  # noqa: PLC0415
        from portal.metrics import Metrics  # noqa: PLC0415

        gu1 = make_gu1(config, Metrics())
        try:
            return await actions.sync(actions.only(name), Operator(by, note), gu1)
        finally:
            await gu1.aclose()

    with _actions() as (actions, config):
        _done(actions, asyncio.run(run(actions, config)))


@onboarding_group.command()
@_NAME
@_signed
def resume(name: str, by: str, note: str) -> None:
    """Take the next step now, without the wait after a failure."""
    with _actions() as (actions, _config):
        _done(actions, actions.resume(actions.only(name), Operator(by, note)))


@onboarding_group.command()
@_NAME
@_signed
def release(name: str, by: str, note: str) -> None:
    """Let a held approval count."""
    with _actions() as (actions, _config):
        _done(actions, actions.release(actions.only(name), Operator(by, note)))


@onboarding_group.command()
@_NAME
@click.option("--reason", required=True, type=click.Choice([reason.value for reason in REASONS]))
@_signed
def reject(name: str, reason: str, by: str, note: str) -> None:
    """Reject what is approved, held or in review; nothing that gu1 says turns it back."""
    with _actions() as (actions, _config):
        _done(actions, actions.reject(actions.only(name), Operator(by, note), Reason(reason)))


@onboarding_group.command()
@_NAME
@_signed
def cancel(name: str, by: str, note: str) -> None:
    """Cancel here and at gu1, like a stop by the applicant."""
    with _actions() as (actions, _config):
        _done(actions, actions.cancel(actions.only(name), Operator(by, note)))


@onboarding_group.command("allow-attempt")
@_NAME
@_signed
def allow_attempt(name: str, by: str, note: str) -> None:
    """Allow one more attempt, whatever the limit and the last reason say."""
    with _actions() as (actions, _config):
        _done(actions, actions.allow_attempt(actions.only(name), Operator(by, note)))


@onboarding_group.command()
@_NAME
@_signed
def erase(name: str, by: str, note: str) -> None:
    """Erase the person's data here. gu1 keeps its own; the ids printed are what to erase there."""
    with _actions() as (actions, _config):
        erasure = actions.erase(actions.only(name), Operator(by, note))
    click.echo(f"{erasure.onboarding_id}: erased")
    click.echo(f"kept at gu1: entity {erasure.entity_id or 'none'}, validation {erasure.validation_id or 'none'}")


@contextmanager
def _actions() -> Iterator[tuple[OperatorActions, Config]]:
    config = configuration()
    with database(config) as engine:
        usable_schema(engine)
    # Imported late: the metrics in it decide at import whether several processes share them.
    from portal.app import create_app  # noqa: PLC0415

    portal: Any = create_app(config).extensions["portal"]
    try:
        portal.clock.set()
        yield portal.operator_actions, config
    except UnknownOnboarding as unknown:
        raise click.ClickException(_unknown(str(unknown))) from None
    except AmbiguousName as ambiguous:
        ids = "\n".join(ambiguous.onboarding_ids)
        message = f"several onboardings answer to this, and nothing was changed; give an id:\n{ids}"
        raise click.ClickException(message) from None
    except ActionRefused as refused:
        raise click.ClickException(f"nothing was changed: {refused}") from None
    except Gu1Error as error:
        raise click.ClickException(f"nothing was changed: gu1: {error or type(error).__name__}") from None
    except StoreUnavailable as error:
        raise click.ClickException(str(error)) from None


def _done(actions: OperatorActions, changed: Onboarding) -> None:
    click.echo(f"{changed.id}: status {changed.status}, stage {actions.stage_of(changed)}")


def _unknown(name: str) -> str:
    if looks_like_reference(name) and read_reference(name) is None:
        return f"no onboarding {name}: its last character does not fit, so one was misheard"
    return f"no onboarding {name}"
