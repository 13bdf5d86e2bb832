from datetime import timedelta

import pytest

from portal.store.notes import Notes
from tests.factories import NOW


@pytest.fixture
def notes(engine):
    return Notes(engine)


def test_a_webhook_is_known_until_it_is_forgotten(notes):
    assert not notes.knows_webhook("aa")
    notes.remember_webhook("aa", NOW)
    notes.forget_webhooks(NOW)
    assert notes.knows_webhook("aa")
    notes.forget_webhooks(NOW + timedelta(seconds=1))
    assert not notes.knows_webhook("aa")


def test_a_budget_is_spent_up_to_its_limit_and_no_further(notes):
    assert [notes.spend(NOW, 2) for _ in range(3)] == [True, True, False]
    assert (notes.spent(NOW), notes.spent(NOW + timedelta(hours=1))) == (2, 0)
    assert not notes.spend(NOW + timedelta(hours=1), 0)


def test_an_empty_budget_leaves_nothing_behind(notes):
    assert not notes.spend(NOW, 0)
    assert notes.spent(NOW) == 0
