"""docs/scale.md lists what our SQL needs of a PostgreSQL that is not PostgreSQL: all of it, and where."""

from __future__ import annotations

import re

from tests.documents import ROOT, rows

SCALE = ROOT / "docs" / "scale.md"
STORE = ROOT / "portal" / "store"
FEATURES = {
    "`SELECT … FOR UPDATE SKIP LOCKED`": r"skip_locked=True",
    "`SELECT … FOR UPDATE`": r"with_for_update\((?!skip_locked|of=)|FOR UPDATE",
    "`WITH … AS (SELECT … FOR UPDATE)`": r"\.cte\(|^ *WITH ",
    "`UPDATE … RETURNING` and its like": r"\.returning\(|RETURNING",
    "`INSERT … ON CONFLICT`": r"on_conflict_do_",
    "row comparison `(a, b) > (c, d)`": r"tuple_\(",
    "`IS DISTINCT FROM`": r"is_distinct_from|is_not_distinct_from",
    "partial indexes": r"postgresql_where",
    "`ON DELETE CASCADE`": r'ondelete="CASCADE"',
    "`LISTEN`, `NOTIFY`": r"LISTEN|pg_notify",
    "advisory locks": r"pg_advisory",
    "`lock_timeout`, `statement_timeout` and their like": r"(lock|statement)_timeout =|\"(lock|statement)_timeout\"",
    "autocommit and READ COMMITTED": r"isolation_level=",
    "the server's clock": r"clock_timestamp",
    "who is connected": r"pg_stat_activity|pg_backend_pid|pg_roles|pg_database",
}
DIALECT = {"now", "count", "coalesce", "max", "min", "substr", "to_char", "timezone", "lower", "sum"}
"""Functions of SQL that every such database has."""


def sources():
    return {it.name: it.read_text() for it in STORE.glob("*.py")}


def test_each_feature_is_documented_with_the_modules_that_need_it():
    found = {
        feature: {name for name, text in sources().items() if re.search(pattern, text, re.MULTILINE)}
        for feature, pattern in FEATURES.items()
    }
    listed = {it[0]: set(re.findall(r"`(\w+\.py)`", it[1])) for it in rows(SCALE, "### What our SQL needs")}
    assert listed == found
    assert all(found.values())


def test_no_function_is_called_that_is_neither_common_nor_documented():
    called = {it for text in sources().values() for it in re.findall(r"\bfunc\.(\w+)\(", text)}
    assert called - DIALECT <= set(re.findall(r"\w+", SCALE.read_text()))
