"""What the parts of the bench have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from e2e.bench.speed.generator import Burst, Generator, Load
from e2e.bench.speed.sides import cpu_of
from e2e.servers import Server

CONNECTIONS = 64
WARM_UP = 0.7


@dataclass(frozen=True)
class Terms:
    """How a part is run."""

    generator: Generator
    folder: Path
    databases: Sequence[str]
    pairs: int = 5
    seconds: float = 1.5
    """Of one burst."""


@dataclass
class Side:
    """One of two servers, with its bursts."""

    server: Server
    load: Callable[[], Load]
    bursts: list[Burst]
    cpu: list[float]

    @classmethod
    def of(cls, server: Server, load: Callable[[], Load]) -> Side:
        return cls(server, load, [], [])

    def run(self, generator: Generator) -> None:
        """Raises `WrongAnswers`."""
        with cpu_of(self.server) as used:
            burst = generator.run_right(self.load)
        self.bursts.append(burst)
        self.cpu.append(used[0] / burst.good)

    @property
    def rate(self) -> float:
        return median(it.rate for it in self.bursts)

    @property
    def cpu_each(self) -> float:
        return median(self.cpu)

    def latency(self, share: float) -> float:
        return median(it.percentile(share) for it in self.bursts)

    @property
    def generator_each(self) -> float:
        return median(it.generator_cpu / it.good for it in self.bursts)

    @property
    def is_bound_by_generator(self) -> bool:
        return any(it.is_bound_by_generator for it in self.bursts)

    def figures(self) -> dict[str, object]:
        return {
            "rate": self.rate,
            "p50": self.latency(0.5),
            "p99": self.latency(0.99),
            "cpu_each": self.cpu_each,
            "generator_cpu_each": self.generator_each,
            "is_bound_by_generator": self.is_bound_by_generator,
            "rates": [it.rate for it in self.bursts],
        }


def alternate(terms: Terms, one: Side, other: Side) -> float:
    """Pair by pair, so that noise meets both; the median of the pairs' ratios."""
    for side in (one, other):
        side.run(terms.generator)
        side.bursts.clear()
        side.cpu.clear()
    for number in range(terms.pairs):
        for side in (one, other) if number % 2 else (other, one):
            side.run(terms.generator)
    return median(a.rate / b.rate for a, b in zip(one.bursts, other.bursts, strict=True))
