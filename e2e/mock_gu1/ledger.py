"""The ledger: what was created, completed and charged, and for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from e2e.mock_gu1.clock import iso, iso_or_none
from e2e.mock_gu1.rows import FINAL, Json, Validation


def ledger(rows: list[Validation]) -> Json:
    """`rows` and the result are sorted newest first."""
    return {
        **_tally(rows),
        "entities": _tallies(rows, lambda row: row.entity_id),
        "onboardings": _tallies(rows, lambda row: row.onboarding),
        "validations": [_account(row) for row in rows],
    }


def _tallies(rows: list[Validation], owner: Callable[[Validation], str | None]) -> Json:
    shares: dict[str, list[Validation]] = {}
    for row in rows:
        key = owner(row)
        if key is not None:
            shares.setdefault(key, []).append(row)
    return {key: _tally(share) for key, share in shares.items()}


def _tally(rows: list[Validation]) -> Json:
    count = Counter[str]()
    for row in rows:
        count.update(created=1, completed=row.status in FINAL, charged=row.is_charged)
    return {key: count[key] for key in ("created", "completed", "charged")}


def _account(row: Validation) -> Json:
    """`completed` and `charged` are the time of the first verdict."""
    return {
        "id": row.id,
        "entity": row.entity_id,
        "session": row.session_id,
        "onboarding": row.onboarding,
        "validation": row.portal.get("validation"),
        "nonce": row.portal.get("nonce"),
        "status": row.status,
        "code": row.code,
        "created": iso(row.created_at),
        "opened": iso_or_none(row.opened_at),
        "completed": iso_or_none(row.completed_at),
        "charged": iso_or_none(row.charged_at),
        "cancelled": iso_or_none(row.cancelled_at),
    }
