"""Fault × point × database, checked against the mock's ledger.

    python -m e2e.bench.matrix --sample 50 --seed 7 --only "create_validation" --processes 2 --json matrix.json

Each run has its own rig (mock, database, runner) and one applicant who completes the journey through real pages
while the fault strikes at its point. The rig's timings are quick; everything must be right within `PATIENCE`
seconds after the fault is over.
"""

from e2e.bench.matrix.runner import run

__all__ = ["run"]
