"""Verified webhooks a second: each applied once, and then the same ones again."""

from __future__ import annotations

from e2e.bench.speed.generator import Burst, Load, Request, Right, WrongAnswers, post
from e2e.bench.speed.part import Terms
from e2e.bench.speed.seeding import seeded, webhooks
from e2e.bench.speed.sides import Ground, cpu_of, ground
from e2e.bench.speed.tables import Table, microseconds, middle, milliseconds, rate

VALIDATIONS = 400
_CONNECTIONS = 24
_SECONDS = 60.0
_SEND_AGAIN = "HTTP/1.1 503 Service Unavailable"
Told = list[tuple[bytes, dict[str, str]]]
GOALS = {"applied": 1000, "repeated": 5000}


def webhook_rate(terms: Terms) -> list[Table]:
    table = Table("webhooks", ("database", "outcome", "a second", "goal", "p99", "goal", "CPU each"))
    for database in terms.databases:
        bursts: dict[str, list[Burst]] = {it: [] for it in GOALS}
        cpu: dict[str, list[float]] = {it: [] for it in GOALS}
        later = 0
        with ground(terms.folder / f"webhooks-{database}", database) as here:
            seeded(here, VALIDATIONS)
            for number in range(terms.pairs):
                told = webhooks(here, ("in_progress", "in_review")[number % 2])
                for outcome in GOALS:
                    with cpu_of(here.portal) as used:
                        burst = terms.generator.run(_load(here, told, outcome))
                    later += burst.wrong.pop(_SEND_AGAIN, 0)
                    if burst.wrong or not burst.good:
                        raise WrongAnswers(f"{burst.good} of {len(told)} were {outcome}; {dict(burst.wrong)}")
                    _until_all_are_kept(terms, here, told)
                    bursts[outcome].append(burst)
                    cpu[outcome].append(used[0] / burst.good)
        for outcome, goal in GOALS.items():
            rates = [it.rate for it in bursts[outcome]]
            p99s = [it.percentile(0.99) for it in bursts[outcome]]
            table.add(
                database,
                outcome,
                rate(middle(rates)),
                f"≥ {goal:,}/s",
                milliseconds(middle(p99s)),
                "≤ 50 ms",
                microseconds(middle(cpu[outcome])),
                outcome=outcome,
                rates=rates,
                p99s=p99s,
            )
        if later:
            table.notes.append(f"{database}: {later} were answered with 503 and sent again.")
    table.notes.append(f"{VALIDATIONS} webhooks with whole rows in each burst, {_CONNECTIONS} connections.")
    return [table]


def _until_all_are_kept(terms: Terms, here: Ground, told: Told) -> None:
    while terms.generator.run(_load(here, told, "outcome")).wrong:
        pass


def _load(here: Ground, told: Told, word: str) -> Load:
    return Load(here.portal.url, deliveries(here, told, word), _CONNECTIONS, _SECONDS, repeats=False)


def deliveries(here: Ground, told: Told, word: str) -> list[Request]:
    """Right if their outcome is this word."""
    return [_request(here, content, headers, word) for content, headers in told]


def _request(here: Ground, content: bytes, headers: dict[str, str], word: str) -> Request:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return post(here.portal.url, "/webhooks/gu1", content, Right(200, (b"{", f'"{word}"'.encode(), b"")), lines)
