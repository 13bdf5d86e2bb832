"""The real application on other servers and with other settings: for choosing what `portal serve` does by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec

from e2e.bench.speed.generator import Load, WrongAnswers
from e2e.bench.speed.part import CONNECTIONS, Side, Terms, alternate
from e2e.bench.speed.seeding import Visits, seeded
from e2e.bench.speed.sides import WORKERS, Ground, ground, serving_portal
from e2e.bench.speed.slow_clients import KINDS, against
from e2e.bench.speed.tables import Table, microseconds, milliseconds, times
from e2e.servers import Server

_ONBOARDINGS = 16


@dataclass(frozen=True)
class Choice:
    name: str
    needs: str
    command: tuple[str, ...]
    """With `{port}` and `{workers}`."""


def _granian(threads: int) -> Choice:
    command = ("e2e.bench.speed.sides", "portal_app", "--port", "{port}", "--workers", "{workers}")
    return Choice(f"Granian with WSGI, {threads} threads", "granian", (*command, "--threads", str(threads)))


def _gunicorn(kind: str, *more: str) -> Choice:
    command = ("gunicorn", "e2e.bench.speed.sides:portal_app()", "--bind", "127.0.0.1:{port}", "--workers", "{workers}")
    common = ("--worker-class", kind, "--worker-connections", "4096", "--keep-alive", "75", "--log-level", "error")
    return Choice(f"gunicorn {kind}", kind if kind == "gevent" else "gunicorn", (*command, *common, *more))


REFERENCE = Choice("portal serve", "granian", ("portal", "serve", "--port", "{port}", "--workers", "{workers}"))
CHOICES = (
    REFERENCE,
    *(_granian(threads) for threads in (1, 4, 64)),
    _gunicorn("gthread", "--threads", "8"),
    _gunicorn("gevent"),
)


def settings_of_servers(terms: Terms) -> list[Table]:
    columns = ("polls and pages of", "polls", "CPU each", "p99", "pages", "CPU each", "p99", *(it.name for it in KINDS))
    table = Table("servers", columns)
    with ground(terms.folder / "servers", terms.databases[0]) as here:
        links = seeded(here, _ONBOARDINGS)
        here.portal.stop()
        for choice in CHOICES:
            if find_spec(choice.needs) is None:
                table.notes.append(f"{choice.name}: not installed; make bench installs gunicorn and gevent.")
                continue
            try:
                with _server(here, REFERENCE) as reference, _server(here, choice) as tried:
                    table.add(*_cells(terms, choice, reference, tried, links))
            except (RuntimeError, WrongAnswers) as error:
                table.notes.append(f"{choice.name}: {str(error)[-300:]}")
                print(table.notes[-1], flush=True)
            else:
                print("  ".join(table.rows[-1]), flush=True)
    table.notes.append(
        f"{WORKERS} workers on {terms.databases[0]}, {CONNECTIONS} connections; polls and pages against "
        f"{REFERENCE.name} in alternating pairs. Last columns: others' p99 with 200 clients that are slow with their "
        "… against before."
    )
    return [table]


def _cells(terms: Terms, choice: Choice, reference: Server, tried: Server, links: list[str]) -> list[str]:
    cells = [choice.name]
    for kind in (Visits.unchanged_polls, Visits.status_pages):
        sides = [_side(terms, server, links, kind) for server in (tried, reference)]
        ratio = alternate(terms, *sides)
        cells += [times(ratio), microseconds(sides[0].cpu_each), milliseconds(sides[0].latency(0.99))]
    with suppress(WrongAnswers):
        for _, before, meanwhile in against(terms.generator, tried, links):
            ratio = meanwhile.percentile(0.99) / before.percentile(0.99)
            cells.append(times(ratio) if meanwhile.good and not meanwhile.wrong else "starves")
    return cells + ["no answer"] * (7 + len(KINDS) - len(cells))


def _side(terms: Terms, server: Server, links: list[str], kind: Callable[[Visits], list]) -> Side:
    visits = Visits(server, links)
    return Side.of(server, lambda: Load(server.url, kind(visits), CONNECTIONS, terms.seconds))


def _server(here: Ground, choice: Choice) -> Server:
    server = serving_portal(here.folder, gu1_url=here.gu1.url, database_url=here.database_url)
    port = server.url.rpartition(":")[2]
    command = [it.format(port=port, workers=WORKERS) for it in choice.command]
    return replace(server, command=[sys.executable, "-m", *command])
