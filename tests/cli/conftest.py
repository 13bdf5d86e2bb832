from __future__ import annotations

import pytest

from portal.store.database import make_engine


@pytest.fixture
def database(migrated_url):
    """The one that the commands use, past them."""
    engine = make_engine(migrated_url)
    yield engine
    engine.dispose()
