"""Each kind of answer against a bare Flask route on the same server."""

from __future__ import annotations

from collections.abc import Callable

from e2e.bench.fleet import SQLITE
from e2e.bench.speed.generator import Load, Request, Right, get
from e2e.bench.speed.part import CONNECTIONS, Side, Terms, alternate
from e2e.bench.speed.seeding import Visits, seeded
from e2e.bench.speed.sides import BARE, WORKERS, bare_route, ground
from e2e.bench.speed.tables import Table, microseconds, milliseconds, rate, times

ONBOARDINGS = 16
GOALS = {
    "unchanged poll": (2.0, 1.0),
    "changed poll": (1.0, 1.0),
    "status page": (0.5, 0.5),
    "form": (0.7, 0.7),
    "/healthz": (0.9, 0.9),
}
"""The ratio to reach on SQLite and on PostgreSQL."""


def routes(terms: Terms) -> list[Table]:
    table = Table(
        "routes",
        ("answer", "database", "of the bare route", "goal", "a second", "p50", "p99", "CPU each", "CPU of bare route"),
    )
    bound = False
    for database in terms.databases:
        with ground(terms.folder / f"routes-{database}", database) as here, bare_route(terms.folder) as bare:
            visits = Visits(here.portal, seeded(here, ONBOARDINGS))
            for name, requests in _kinds(visits).items():
                ours = Side.of(here.portal, _load(here.portal.url, requests, terms.seconds))
                ceiling = Side.of(
                    bare, _load(bare.url, lambda: [get(bare.url, "/", Right(200, (BARE,)))], terms.seconds)
                )
                ratio = alternate(terms, ours, ceiling)
                goal = GOALS[name][0 if database == SQLITE else 1]
                bound = bound or ours.is_bound_by_generator or ceiling.is_bound_by_generator
                table.add(
                    name,
                    database,
                    times(ratio),
                    f"≥ {goal:.1f} ×",
                    rate(ours.rate),
                    milliseconds(ours.latency(0.5)),
                    milliseconds(ours.latency(0.99)),
                    microseconds(ours.cpu_each),
                    microseconds(ceiling.cpu_each),
                    database=database,
                    ratio=ratio,
                    goal=goal,
                    ours=ours.figures(),
                    bare=ceiling.figures(),
                )
                costs = f"{microseconds(ours.generator_each)} and {microseconds(ceiling.generator_each)}"
                table.figures[-1]["generator"] = costs
    cheapest = [it["bare"]["generator_cpu_each"] for it in table.figures]
    table.notes.append(
        f"{WORKERS} workers, {CONNECTIONS} connections, median of {terms.pairs} alternating pairs. The generator used "
        f"{microseconds(min(cheapest))} to {microseconds(max(cheapest))} of CPU for each answer of the bare route and "
        + ("WAS the bottleneck in some bursts." if bound else "never filled a core, so it was not the bottleneck.")
    )
    return [table]


def _kinds(visits: Visits) -> dict[str, Callable[[], list[Request]]]:
    return {
        "unchanged poll": visits.unchanged_polls,
        "changed poll": visits.changed_polls,
        "status page": visits.status_pages,
        "form": visits.form,
        "/healthz": visits.health,
    }


def _load(url: str, requests: Callable[[], list[Request]], seconds: float) -> Callable[[], Load]:
    return lambda: Load(url, requests(), CONNECTIONS, seconds)
