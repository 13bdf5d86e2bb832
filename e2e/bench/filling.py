"""Fills a database with finished onboardings by generated SQL: about a minute for each million."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, Engine, event, text

_SERIES = {
    "sqlite": "(WITH RECURSIVE s(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM s WHERE i < :last)"
    " SELECT i FROM s) AS n",
    "postgresql": "generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n(i)",
}
_SLICE = 50_000

# In the order of the keys a big fill is quick; at random, pages are as full as those of real ids.
_IN_ORDER = {"sqlite": "printf('%08x', i)", "postgresql": "lpad(to_hex(i), 8, '0')"}
_AT_RANDOM = "substr(md5('k' || i), 1, 8)"

_APPROVED = "'2026-01-15 12:03:10.250000+00:00'"
_CREATED = "'2026-01-15 12:00:01.500000+00:00'"

_ONBOARDINGS = f"""
    INSERT INTO onboardings (id, locale, partner, external_id, given_by_partner, country, consent_version,
        consent_given_at, entity_id, current_validation, attempts_opened, failures, fence, created_at, updated_at,
        watched_at)
    SELECT {{key}} || substr(md5('o' || i), 1, 14), 'es-AR', 'shop', 'c-' || i, {{no}}, 'AR', '2026-01',
        {_CREATED}, {{uuid_e}}, 1, 1, 0, 12, {_CREATED}, {_APPROVED}, {_APPROVED}
    FROM {{series}}
"""
_VALIDATIONS = f"""
    INSERT INTO validations (onboarding_id, number, nonce, sending, sends, sent_at, empty_looks, gu1_id, status,
        shown_at, double_check, double_check_taken_up, identity_match, was_in_review, was_approved, gu1_updated_at,
        expires_at, verified_at, created_at, refreshes)
    SELECT {{key}} || substr(md5('o' || i), 1, 14), 1, {{key}} || substr(md5('n' || i), 1, 14), 'adopted', 1,
        {_CREATED}, 0, {{uuid_v}}, 'approved', {_CREATED}, 'answered', {{yes}}, 'match', {{no}}, {{yes}}, {_APPROVED},
        {_APPROVED}, {_APPROVED}, {_CREATED}, 1
    FROM {{series}}
"""
_CUSTOMERS = """
    INSERT INTO customers (partner, external_id, onboarding_id)
    SELECT 'shop', 'c-' || i, {key} || substr(md5('o' || i), 1, 14) FROM {series}
"""
_HISTORY = f"""
    INSERT INTO history (onboarding_id, at, actor, action, attempt, old_status, old_stage, new_status, new_stage)
    SELECT {{key}} || substr(md5('o' || i), 1, 14), {_APPROVED}, column1, column2, 1, column3, column4, column5, column6
    FROM {{series}}, (VALUES
        ('partner', 'created', NULL, NULL, 'pending', 'details'),
        ('applicant', 'details_given', 'pending', 'details', 'pending', 'preparing'),
        ('gu1', 'validation_created', 'pending', 'preparing', 'pending', 'ready'),
        ('applicant', 'hosted_page_opened', 'pending', 'ready', 'pending', 'waiting'),
        ('gu1', 'reported', 'pending', 'waiting', 'in_progress', 'waiting'),
        ('gu1', 'reported', 'in_progress', 'waiting', 'approved', 'approved')) AS steps
"""
_STATEMENTS = (_ONBOARDINGS, _VALIDATIONS, _CUSTOMERS, _HISTORY)


def fill(engine: Engine, rows: int, *, in_order: bool) -> None:
    """`rows` onboardings, approved and purged of personal data, each with its validation, customer and history.

    `in_order`: in the order of the keys, which is quick; else at random, as real ones come.
    """
    kind = engine.dialect.name
    if kind == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        engine.dispose()
    statements = [_written(statement, kind, in_order) for statement in _STATEMENTS]
    for first in range(1, rows + 1, _SLICE):
        values = {"first": first, "last": min(rows, first + _SLICE - 1)}
        with engine.begin() as connection:
            _without_foreign_keys(connection)
            for statement in statements:
                connection.execute(text(statement), values)
    if kind == "sqlite":
        event.remove(engine, "connect", _prepare_sqlite)
        engine.dispose()
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if kind == "postgresql":
            connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("ANALYZE" if kind == "sqlite" else "VACUUM (ANALYZE)"))


def size_of(engine: Engine) -> int:
    """Bytes of all tables and indexes."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        pages, page = (int(connection.scalar(text(f"PRAGMA {name}")) or 0) for name in ("page_count", "page_size"))
        return pages * page


def _written(statement: str, kind: str, in_order: bool) -> str:
    key = _IN_ORDER[kind] if in_order else _AT_RANDOM
    yes, no = ("1", "0") if kind == "sqlite" else ("true", "false")
    if kind == "sqlite":  # where the portal's own times have no zone
        statement = statement.replace("+00:00'", "'")

    def uuid(letter: str) -> str:
        digest = f"md5('{letter}' || i)"
        return f"{key} || '-' || substr({digest}, 1, 4) || '-4' || substr({digest}, 5, 3) || '-a' || " + (
            f"substr({digest}, 8, 3) || '-' || substr({digest}, 11, 12)"
        )

    return statement.format(key=key, series=_SERIES[kind], yes=yes, no=no, uuid_e=uuid("e"), uuid_v=uuid("v"))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.create_function("md5", 1, _md5, deterministic=True)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-400000")
    connection.execute("PRAGMA foreign_keys=OFF")


def _md5(word: str) -> str:
    return hashlib.md5(word.encode(), usedforsecurity=False).hexdigest()


def _without_foreign_keys(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL synchronous_commit = off"))
