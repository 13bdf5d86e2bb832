"""Everything about the store holds on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from portal.store.encryption import ColumnCipher
from portal.store.repository import Repository
from tests.databases import DATABASES


@pytest.fixture(params=DATABASES)
def database_kind(request) -> str:
    return request.param


@pytest.fixture
def engine(migrated_url, shared_engines) -> Iterator[Engine]:
    """The pool is large enough for 16 threads."""
    engine = shared_engines["portal"].connect_to(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
def cipher() -> ColumnCipher:
    return ColumnCipher(["a secret for tests"])


@pytest.fixture
def repository(engine, cipher) -> Repository:
    return Repository(engine, cipher)
