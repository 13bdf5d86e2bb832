from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.status import Status
from portal.services.change_history import ChangeRecorder
from portal.services.validation_plan import Policy
from portal.store.locked_onboarding import Consequences
from portal.store.repository import Repository
from portal.store.wait_reader import WaitReader
from tests.factories import NOW, an_adopted_validation, an_onboarding

POLICY = Policy(max_attempts=3, double_check_renaper=True)
KEYS = [("waiting", "AR"), ("waiting", "BR"), ("in_review", "AR")]


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def repository(engine, cipher, clock):
    return Repository(engine, cipher, Consequences(record_of=ChangeRecorder(lambda _: POLICY, clock)))


def test_newest_waits_are_read_for_each_stage_and_country(engine, repository, clock):
    for number in range(5):
        for country in ("AR", "BR"):
            clock.now = NOW + timedelta(hours=number)
            at_photos = an_adopted_validation(opened_at=NOW, returned_at=clock.now - timedelta(seconds=10 + number))
            found = repository.add(an_onboarding(country=country, validation=at_photos))
            with repository.locked(found.id) as row:
                row.save(replace(found, validation=replace(at_photos, status=Status.APPROVED)))
    reader = WaitReader(engine)
    assert reader.last_waits(KEYS, clock.now, limit=3) == {it: [14, 13, 12] for it in KEYS[:2]}
    assert reader.last_waits(KEYS, NOW, limit=3) == {it: [10] for it in KEYS[:2]}
