"""What somebody on call finds when a caller reads out a reference."""

import json
import logging
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from portal.domain.reasons import Reason
from portal.domain.reference import reference_of
from portal.domain.status import Status
from portal.logs import JsonLines
from portal.services.change_history import ChangeRecorder
from portal.services.meter import NoMeter
from portal.services.validation_plan import Policy
from portal.store.encryption import ColumnCipher
from portal.store.locked_onboarding import Consequences
from portal.store.repository import Repository
from tests.factories import NOW, a_validation, an_adopted_validation, an_onboarding


@pytest.fixture
def repository(engine):
    policy = Policy(max_attempts=3, double_check_renaper=True)
    record = ChangeRecorder(lambda _onboarding: policy, lambda: NOW)
    return Repository(engine, ColumnCipher(["key"]), Consequences(record_of=record))


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO)
    return lambda: [json.loads(JsonLines().format(it)) for it in caplog.records if it.name.endswith("stage_log")]


def test_every_change_of_stage_is_one_line(repository, lines):
    added = repository.add(an_onboarding(partner="shop", validation=a_validation()))
    adopted = an_adopted_validation(status=Status.REJECTED, gu1_updated_at=NOW)
    with repository.locked(added.id) as row:
        row.save(replace(added, validation=adopted))
    with repository.locked(added.id) as row:
        row.save(row.onboarding)
    first, second = lines()
    assert first | {"from": None, "to": "preparing", "actor": "partner", "action": "created"} == first
    about = {"onboarding": added.id, "reference": reference_of(added.id), "partner": "shop", "level": "info"}
    assert second | about | {"from": "preparing", "to": "rejected", "validation": adopted.gu1_id} == second
    assert second["message"].startswith(f"onboarding {added.id}: preparing to rejected: reference ")
    assert {"actor", "action"} <= second.keys()


def test_change_that_is_not_committed_is_no_line(repository, lines):
    added = repository.add(an_onboarding(validation=a_validation()))
    approved = an_adopted_validation(status=Status.APPROVED, gu1_updated_at=NOW)
    with pytest.raises(RuntimeError), repository.locked(added.id) as row:
        row.save(replace(added, validation=approved))
        raise RuntimeError
    assert [line["to"] for line in lines()] == ["preparing"]


def test_stages_are_counted_and_timed(engine):
    counted, times = Counter(), iter([NOW, NOW + timedelta(seconds=30)])

    class Meter(NoMeter):
        def count(self, event, **labels):
            counted[event, *labels.values()] += 1

        def observe(self, event, seconds, **labels):
            counted[event, *labels.values()] += seconds

    policy = Policy(max_attempts=3, double_check_renaper=True)
    record = ChangeRecorder(lambda _onboarding: policy, lambda: next(times))
    repository = Repository(engine, ColumnCipher(["key"]), Consequences(record_of=record), meter=Meter())
    added = repository.add(an_onboarding(partner="shop", validation=a_validation()))
    rejected = an_adopted_validation(status=Status.REJECTED, reason=Reason.FACE_MISMATCH, gu1_updated_at=NOW)
    with repository.locked(added.id) as row:
        row.save(replace(added, validation=rejected))
    assert counted == {
        ("stage_changes", "preparing", "", "shop", added.locale): 1,
        ("stage_changes", "rejected", "face_mismatch", "shop", added.locale): 1,
        ("stage_seconds", "preparing"): 30,
    }
