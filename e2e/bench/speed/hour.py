"""Memory over an hour of everything: people who poll, forms, and webhooks that change every page."""

from __future__ import annotations

from collections import Counter
from statistics import mean

from e2e.bench.fleet import SQLITE
from e2e.bench.speed.generator import ANYTHING, Burst, Load, Request, Right, get
from e2e.bench.speed.part import Terms
from e2e.bench.speed.people import PACE, as_if_waiting
from e2e.bench.speed.seeding import HTMX, OLDER, forms, seeded, webhooks
from e2e.bench.speed.sides import Ground, ground, memory_of
from e2e.bench.speed.tables import Table, mebibytes, milliseconds
from e2e.bench.speed.webhook_rate import deliveries

MINUTES = 60
SHOWN_EVERY = 10
PEOPLE = 2000
FORMS = 30
"""In a minute."""
_POLLING = 40.0
_PATIENCE = 60.0
_FLAT = 0.02


def hour(terms: Terms, minutes: int = MINUTES) -> list[Table]:
    table = Table("hour", ("after", "memory (PSS)", "polls", "their p99", "forms", "webhooks", "wrong answers"))
    sizes: list[int] = []
    with ground(terms.folder / "hour", SQLITE, latency=0.3) as here:
        links = seeded(here, PEOPLE)
        as_if_waiting(here)
        wrong: Counter[str] = Counter()
        answered: Counter[str] = Counter()
        for minute in range(1, minutes + 1):
            bursts = _minute(terms, here, links, minute)
            sizes.append(memory_of(here.portal).proportional)
            for kind, burst in bursts.items():
                answered[kind] += burst.good
                wrong += burst.wrong
            if minute % SHOWN_EVERY == 0 or minute == 1:
                table.add(
                    f"{minute} min",
                    mebibytes(sizes[-1]),
                    f"{answered['polls']:,}",
                    milliseconds(bursts["polls"].percentile(0.99)),
                    f"{answered['forms']:,}",
                    f"{answered['webhooks']:,}",
                    str(dict(wrong)) if wrong else "0",
                    pss=sizes[-1],
                    wrong=dict(wrong),
                )
                print("  ".join(table.rows[-1]), flush=True)
    third = max(1, minutes // 3)
    growth = mean(sizes[-third:]) / mean(sizes[-2 * third : -third] or sizes) - 1
    verdict = "flat" if growth <= _FLAT else "NOT FLAT"
    table.notes.append(
        f"{PEOPLE:,} people, {FORMS} forms a minute, and each minute a webhook for every validation. The last third of "
        f"the time took {growth:+.1%} of memory against the third before: {verdict}."
    )
    return [table]


def _minute(terms: Terms, here: Ground, links: list[str], number: int) -> dict[str, Burst]:
    """One after the other, because there is one generator."""
    url, run = here.portal.url, terms.generator.run
    told = webhooks(here, ("in_review", "in_progress")[number % 2])
    return {
        "webhooks": run(Load(url, deliveries(here, told, "applied"), 16, _PATIENCE, repeats=False)),
        "polls": run(Load(url, _polls(here, links), PEOPLE, _POLLING, rate=PEOPLE / PACE)),
        "forms": run(Load(url, forms(here.portal, FORMS, seed=number), 8, _PATIENCE, rate=6.0, repeats=False)),
    }


def _polls(here: Ground, links: list[str]) -> list[Request]:
    """Of pages that show something older, so that each gets the new one."""
    return [get(here.portal.url, f"{it}/status?{OLDER}", Right(200, ANYTHING), HTMX) for it in links]
