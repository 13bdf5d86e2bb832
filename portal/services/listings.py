"""Rows of gu1's lists, told apart by the metadata that was sent with each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from portal.domain.validation import CLOCKS_APART, Observation
from portal.services.ports import Gu1


async def with_metadata(gu1: Gu1, rows: Iterable[Observation], *, since: datetime) -> list[Observation]:
    """`rows`, those created since then read in full where gu1's list leaves the nonce out."""
    return [await gu1.read_validation(row.gu1_id) if _may_hide_ours(row, since) else row for row in rows]


def _may_hide_ours(row: Observation, since: datetime) -> bool:
    """Also where gu1 does not say when it was created."""
    return row.nonce is None and (row.created_at is None or row.created_at >= since - CLOCKS_APART)
