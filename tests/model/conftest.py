from functools import cache

import pytest

from portal.store.database import make_engine, migrate


@pytest.fixture(scope="session")
def search():
    """What the search finds of a case; each is looked through once."""
    return cache(lambda case: case.search())


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """To copy."""
    path = tmp_path_factory.mktemp("model") / "empty.db"
    engine = make_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path
