"""The mock's ledger against the portal's database: nothing lost, nothing unknown, nothing paid twice."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import httpx
from sqlalchemy import create_engine, select

from portal.store.tables import validations

_PATIENCE = 15.0
"""Seconds: news may be under way when a test ends."""


def ledger(mock_url: str) -> list[dict[str, Any]]:
    rows = httpx.get(f"{mock_url}/_mock/ledger", trust_env=False).json()["validations"]
    return list(rows)


def kept(database_url: str) -> dict[str, str]:
    """gu1's id → status, of every validation that the portal knows gu1 to have."""
    engine = create_engine(database_url)
    rows = select(validations.c.gu1_id, validations.c.status).where(validations.c.gu1_id.is_not(None))
    try:
        with engine.connect() as connection:
            return {row.gu1_id: row.status for row in connection.execute(rows)}
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
