"""Compares the mock's ledger with the portal's database: nothing lost, nothing unknown, nothing paid twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx
from sqlalchemy import Row, Select, create_engine, select

from portal.domain.validation import CreationState
from portal.store.tables import validations
from tests.local_http import LOCAL

_PATIENCE = 15.0
"""Seconds: a webhook may still be on its way when a test ends."""


def ledger(mock_url: str) -> list[dict[str, Any]]:
    rows = httpx.get(f"{mock_url}/_mock/ledger", **LOCAL).json()["validations"]
    return list(rows)


def kept(database_url: str) -> dict[str, str]:
    """gu1's id → status, for every validation that the portal knows at gu1."""
    known = select(validations.c.gu1_id, validations.c.status).where(validations.c.gu1_id.is_not(None))
    return {row.gu1_id: row.status for row in _rows(database_url, known)}


def is_awaiting(database_url: str) -> bool:
    """Whether a request for a validation is still unanswered."""
    return bool(
        _rows(database_url, select(validations.c.nonce).where(validations.c.creation_state == CreationState.SENT))
    )


def _rows(database_url: str, statement: Select[Any]) -> Sequence[Row[Any]]:
    engine = create_engine(database_url)
    try:
        with engine.connect() as connection:
            return connection.execute(statement).all()
    finally:
        engine.dispose()


def judge(mock_url: str, database_url: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        rows = ledger(mock_url)
        theirs = {row["id"]: row["status"] for row in rows}
        ours = {row: theirs.get(row) if status == "unknown" else status for row, status in kept(database_url).items()}
        if ours == theirs or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert ours == theirs
    paid = Counter(row["nonce"] for row in rows if row["charged"])
    assert not [nonce for nonce, times in paid.items() if nonce and times > 1]
