from functools import cache

import pytest


@pytest.fixture(scope="session")
def search():
    """What the search finds of a case; each is looked through once."""
    return cache(lambda case: case.search())
