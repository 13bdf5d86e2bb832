"""Polls against a portal written the naive way, which asks gu1 on each poll, while gu1 is slow, slower, and hung."""

from __future__ import annotations

import html
from dataclasses import dataclass
from importlib.util import find_spec

import httpx
from jinja2 import Template

from e2e.bench.speed.generator import Burst, Load, Request, Right, get
from e2e.bench.speed.naive import PAGE, TITLES
from e2e.bench.speed.part import CONNECTIONS, Side, Terms, alternate
from e2e.bench.speed.seeding import Visits, seeded
from e2e.bench.speed.sides import Ground, ground, naive_portal
from e2e.bench.speed.tables import Table, milliseconds, rate, times
from e2e.servers import Server
from tests.local_http import LOCAL

ONBOARDINGS = 16
_HUNG = -1.0


@dataclass(frozen=True)
class Slowness:
    name: str
    latency: float
    seconds: float
    """Of one burst of the naive portal, which answers few polls in it."""
    goal: str


SLOW = (
    Slowness("300 ms", 0.3, 3.0, "≥ 100 ×"),
    Slowness("2 s", 2.0, 6.0, "≥ 1,000 ×"),
)
HOW_TO_GET_GUNICORN = "gunicorn is not installed: make bench installs it"


def rival(terms: Terms) -> list[Table]:
    table = Table("rival", ("gu1 answers in", "naive portal", "p99", "this portal", "p99", "ratio", "goal"))
    if find_spec("gunicorn") is None:
        table.notes.append(HOW_TO_GET_GUNICORN)
        return [table]
    with ground(terms.folder / "rival", terms.databases[0]) as here:
        visits = Visits(here.portal, seeded(here, ONBOARDINGS))
        with naive_portal(terms.folder, gu1_url=here.gu1.url) as naive:
            for slowness in SLOW:
                _let_gu1_take(here, slowness.latency)
                table.add(*_slow(terms, here, visits, naive, slowness))
            _add_hung(table, terms, here, visits, naive)
    table.notes.append(
        f"On {terms.databases[0]}, {CONNECTIONS} connections. The naive portal: gunicorn gthread with 8 threads in "
        "each worker, one httpx client per process, with httpx's own timeout of 5 s."
    )
    return [table]


def _slow(terms: Terms, here: Ground, visits: Visits, naive: Server, slowness: Slowness) -> tuple[str, ...]:
    theirs = Side.of(naive, lambda: Load(naive.url, _naive_polls(here, naive), CONNECTIONS, slowness.seconds, grace=30))
    ours = Side.of(here.portal, lambda: _polls(here, visits, terms.seconds))
    ratio = alternate(terms, ours, theirs)
    return (
        slowness.name,
        rate(theirs.rate),
        milliseconds(theirs.latency(0.99)),
        rate(ours.rate),
        milliseconds(ours.latency(0.99)),
        times(ratio),
        slowness.goal,
    )


def _add_hung(table: Table, terms: Terms, here: Ground, visits: Visits, naive: Server) -> None:
    """The same portal with a healthy and a hung gu1, pair by pair; the naive one with a hung gu1 only once."""
    rates, p99s = [], []
    for _ in range(terms.pairs):
        pair: list[Burst] = []
        for latency in (0.0, _HUNG):
            _let_gu1_take(here, latency)
            pair.append(terms.generator.run_right(lambda: _polls(here, visits, terms.seconds)))
        healthy, hung = pair
        rates.append((hung.rate, hung.rate / healthy.rate))
        p99s.append((hung.percentile(0.99), hung.percentile(0.99) / healthy.percentile(0.99)))
    requests = [get(naive.url, f"/status/{it}", Right(200, (b"", b""))) for it in _known(here)]
    theirs = terms.generator.run(Load(naive.url, requests, CONNECTIONS, 6.0, grace=6.0))
    middle = len(rates) // 2
    table.add(
        "never",
        f"{theirs.good} right answers",
        "",
        rate(sorted(rates)[middle][0]),
        milliseconds(sorted(p99s)[middle][0]),
        f"{sorted(it[1] for it in rates)[middle]:.2f} of the healthy rate, "
        f"{sorted(it[1] for it in p99s)[middle]:.2f} of the healthy p99",
        "0; ≥ 0.90, ≤ 1.50",
        naive_right=theirs.good,
        naive_wrong=dict(theirs.wrong),
        rate_to_healthy=[it[1] for it in rates],
        p99_to_healthy=[it[1] for it in p99s],
    )
    _let_gu1_take(here, 0.0)


def _polls(here: Ground, visits: Visits, seconds: float) -> Load:
    return Load(here.portal.url, visits.unchanged_polls(), CONNECTIONS, seconds)


def _naive_polls(here: Ground, naive: Server) -> list[Request]:
    shown = Template(PAGE, autoescape=True)
    bodies = {it: shown.render(row={"id": it, "status": "in_review"}, titles=TITLES) for it in _known(here)}
    return [get(naive.url, f"/status/{it}", Right(200, (html.unescape(body).encode(),))) for it, body in bodies.items()]


def _known(here: Ground) -> list[str]:
    return list(httpx.get(f"{here.gu1.url}/_quick/reads", **LOCAL).json()["validations"])


def _let_gu1_take(here: Ground, seconds: float) -> None:
    httpx.post(f"{here.gu1.url}/_quick/latency", json={"seconds": seconds}, **LOCAL).raise_for_status()
