from functools import cache
from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Tests of one case stand beside each other, so that one worker runs them and searches the case once."""
    places = [place for place, item in enumerate(items) if item.path.parent == _HERE]
    for place, item in zip(places, sorted((items[place] for place in places), key=_case), strict=True):
        items[place] = item


def _case(item):
    return str(item.callspec.params.get("case", "")) if hasattr(item, "callspec") else ""


@pytest.fixture(scope="session")
def search():
    """What the search finds of a case; each is looked through once."""
    return cache(lambda case: case.search())
