"""Runs the chosen cases and makes the lines of the table."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from e2e.bench.matrix.catalogue import DATABASES, cases, sample
from e2e.bench.matrix.databases import prepared
from e2e.bench.matrix.findings import PATIENCE
from e2e.bench.matrix.process_pool import results_of
from e2e.bench.matrix.trial import Result
from e2e.bench.report import Line


def run(
    *,
    seed: int,
    sample: int | None,
    databases: tuple[str, ...] = DATABASES,
    processes: int,
) -> list[Line]:
    """A line for each fault, point and database; without runs if the fault never struck."""
    return lines(results(seed=seed, size=sample, databases=databases, processes=processes))


def results(
    *,
    seed: int,
    size: int | None,
    databases: tuple[str, ...] = DATABASES,
    processes: int,
    patience: float = PATIENCE,
    only: str = "",
    told: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Sorted by name; `told` is called with each result as it comes."""
    wanted = sample(cases(seed=seed, databases=databases, only=only), size, seed)
    found = []
    with prepared(databases) as ready:
        for result in results_of(wanted, ready, processes=processes, patience=patience):
            told(result)
            found.append(result)
    return sorted(found, key=lambda result: result.case)


def lines(found: list[Result]) -> list[Line]:
    def whose(result: Result) -> tuple[str, str, str]:
        return result.case.fault, result.case.point, result.case.database

    made = []
    for names, share in groupby(sorted(found, key=whose), key=whose):
        line = Line(*names)
        for result in share:
            line.runs += result.has_struck
            for kind, times in result.findings.counts.items():
                setattr(line, kind, getattr(line, kind) + times)
            if result.seconds is not None:
                line.seconds.append(result.seconds)
        made.append(line)
    return made


def report_of(result: Result, seed: int) -> str:
    """The findings, and the command that repeats the run."""
    case = result.case
    again = f"--seed {seed} --database {case.database} --only '{case.fault} × {case.point} ×'"
    never = [] if result.has_struck else ["the fault never struck"]
    said = [str(case), *never, *result.findings.notes, *result.log[-20:]]
    return "\n  ".join([*said, f"again: python -m e2e.bench.matrix {again}"])
