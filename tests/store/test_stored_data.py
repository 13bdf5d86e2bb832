"""The table of what is stored names every column once, and agrees with the columns' types."""

from collections import Counter

import pytest
from sqlalchemy import LargeBinary, event, text

from portal.domain.stored_data import STORED_DATA, Form
from portal.store.database import make_engine
from portal.store.tables import metadata


def named(entries):
    return [(table, name) for it in entries for table, names in it.columns.items() for name in names.split()]


@pytest.mark.asvs("14.1.1")
def test_every_column_has_one_place_in_the_table():
    assert Counter(named(STORED_DATA.values())) == Counter(
        (table.name, it.name) for table in metadata.sorted_tables for it in table.c
    )


@pytest.mark.asvs("14.1.2")
def test_exactly_the_binary_columns_are_sealed():
    sealed = [it for it in STORED_DATA.values() if it.form is Form.SEALED]
    binary = {
        (table.name, it.name) for table in metadata.sorted_tables for it in table.c if isinstance(it.type, LargeBinary)
    }
    assert set(named(sealed)) == binary


def test_deleted_rows_are_overwritten_on_sqlite(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    # Some builds of SQLite have it on by default.
    event.listen(engine, "connect", lambda it, _: it.execute("PRAGMA secure_delete=OFF"), insert=True)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA secure_delete")) == 1
    engine.dispose()
