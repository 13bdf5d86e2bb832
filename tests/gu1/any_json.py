"""Strategies for what gu1 might answer on its worst day."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.gu1.rows import a_rejected_row

_NAMES = (
    *("id", "entityId", "status", "sessionId", "providerSessionUrl", "metadata", "decision", "warnings"),
    *("extractedData", "createdAt", "updatedAt", "expiresAt", "verifiedAt", "validations", "data", "total", "error"),
)

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**4000),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(_NAMES), inner),
    max_leaves=8,
)

strange_rows = st.fixed_dictionaries({}, optional=dict.fromkeys(_NAMES, any_json)).map(
    lambda strange: a_rejected_row() | strange
)
