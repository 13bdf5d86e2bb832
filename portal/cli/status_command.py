"""portal status"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

import click
from sqlalchemy import Engine

from portal.cli.common import configuration, database, usable_schema
from portal.config import Config
from portal.services.onboarding_facts import formatted
from portal.services.problems import OVERDUE_AFTER, Problem
from portal.store.clock import server_time
from portal.store.onboarding_search import OnboardingSearch
from portal.store.overview import Overview, OverviewReader

_LOOK = 2
"""The exit code if somebody should look; 1 is for what could not be found out."""
_UNDELIVERED_FOR = timedelta(hours=1)
_UNSENT_FOR = timedelta(hours=1)


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
@click.option("--watch", is_flag=True, help="Show it anew every two seconds, until Ctrl-C.")
def status(as_json: bool, watch: bool) -> None:
    """Show what is going on. Exits with 0 if all is well, 2 if somebody should look, 1 if it cannot tell."""
    config = configuration()
    with database(config) as engine:
        while True:
            facts = _facts(config, engine)
            if watch and sys.stdout.isatty():
                click.clear()
            click.echo(json.dumps(facts) if as_json else _text(facts))
            if not watch:
                break
            time.sleep(2)
    sys.exit(_LOOK if facts["attention"] else 0)


def _facts(config: Config, engine: Engine) -> dict[str, Any]:
    schema = usable_schema(engine)
    now = server_time(engine)
    found = OverviewReader(engine).read(now)
    problems: dict[str, dict[str, int]] = {it.value: {} for it in Problem}
    for it in OnboardingSearch(engine).count_problems(now):
        kinds = problems[it.problem]
        kinds[it.kind] = kinds.get(it.kind, 0) + it.onboardings
    return {
        "time": formatted(now),
        "version": version("kyc-onboarding-portal"),
        "schema": schema.value,
        "stages": found.stages,
        "due": found.due,
        "oldest_due_seconds": _age(found.oldest_due_at, now),
        "running": found.running,
        "gu1": "failing" if any(problems[Problem.FAILING].values()) else "ok",
        "budget": {"limit": config.gu1_hourly_budget, "spent": found.reads_this_hour},
        "undelivered": found.undelivered,
        "oldest_undelivered_seconds": _age(found.oldest_undelivered_at, now),
        "unsent_mails": found.unsent_mails,
        "oldest_unsent_mail_seconds": _age(found.oldest_unsent_mail_at, now),
        "mail_trouble": found.mail_trouble,
        "machines": found.machines,
        **problems,
        "attention": _attention(found, problems, now),
    }


def _attention(found: Overview, problems: dict[str, dict[str, int]], now: datetime) -> list[str]:
    """Why somebody should look, in words."""
    looks = [
        f"{number} {problem}: {kind}" for problem, kinds in problems.items() for kind, number in kinds.items() if number
    ]
    if found.oldest_due_at and found.oldest_due_at < now - OVERDUE_AFTER:
        looks.append("work is due for longer than ten minutes: do the portal's processes run?")
    if found.oldest_undelivered_at and found.oldest_undelivered_at < now - _UNDELIVERED_FOR:
        looks.append("notifications wait for longer than an hour: see portal partner deliveries")
    if found.oldest_unsent_mail_at and found.oldest_unsent_mail_at < now - _UNSENT_FOR:
        looks.append(f"mails wait for longer than an hour ({found.mail_trouble or 'not tried yet'}): see portal check")
    return looks


def _age(then: datetime | None, now: datetime) -> int | None:
    return None if then is None else max(0, int((now - then).total_seconds()))


def _text(facts: dict[str, Any]) -> str:
    budget = facts["budget"]
    lines = {
        "time": facts["time"],
        "version": f"{facts['version']}, schema {facts['schema']}",
        "stages": _list(facts["stages"]),
        "work": f"{facts['due']} due{_since(facts['oldest_due_seconds'])}, {facts['running']} running",
        "gu1": facts["gu1"],
        "budget": f"{budget['spent']} of {budget['limit']} reads this hour" if budget["limit"] else "no limit",
        "notifications": f"{facts['undelivered']} undelivered{_since(facts['oldest_undelivered_seconds'])}",
        "mails": f"{facts['unsent_mails']} unsent{_since(facts['oldest_unsent_mail_seconds'])}",
        "machines": "unknown on SQLite" if facts["machines"] is None else facts["machines"],
        **{it.value: _list({kind: number for kind, number in facts[it].items() if number}) for it in Problem},
    }
    table = [f"{name:<15}{value}" for name, value in lines.items()]
    return "\n".join([*table, *(f"LOOK: {it}" for it in facts["attention"])])


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items()) or "none"


def _since(seconds: int | None) -> str:
    return "" if seconds is None else f", the oldest for {timedelta(seconds=seconds)}"
