"""The real services beside the model, step by step: whatever happens in whatever order, both come to the same."""

import logging
import random
import shutil
import sys
from itertools import chain

import pytest

from portal.domain.errors import RetryRefused
from tests.hypothesis_profiles import many
from tests.model.catalogue import (
    ALL_AT_ONCE,
    BROKEN,
    CORRECTIONS,
    HOLD,
    OVERTURNS,
    OVERTURNS_AND_RETRIES,
    RENAPER,
    STALE_RETRIES,
)
from tests.model.narration import narrate
from tests.model.replay import Replay
from tests.model.services_bench import Bench

WALKS = many.max_examples // 25
MOVES_BEYOND = 6
_WALKED = {STALE_RETRIES, ALL_AT_ONCE, RENAPER, OVERTURNS, OVERTURNS_AND_RETRIES, CORRECTIONS}
WORLDS = [HOLD[0], *(case for case in HOLD if case.world in _WALKED)]
REFUSED = {
    "repeats at once, redirects from the answer": "redirects from the answer",
    "redirects from the answer": "redirects from the answer",
    "… and shows what nobody adopted": "redirects from the answer",
    "reconciles, and nothing else": "redirects from the answer",
    "saves without a fence": "saves the answer",
    "no fence, but adopts once": "saves the answer",
    "trusts the lease": "saves the answer",
    "trusts the lease, but adopts once": "saves the answer",
    "webhook replaces the adopted one": "webhook tells",
    "replaces the abandoned": "is retried",
    "starts anew without reading back": "takes it for closed",
    "replaces what a list left out": "replaces what is not listed",
    "no write-ahead": "sends the POST",
    "repeats at once": "loses the answer",
    "late news overwrite": "saves the answer",
    "resends the adopted": "notes that it found none",
    "… and gets stuck": "notes that it found none",
    "… and forgets a stop": "notes that it found none",
    "a verdict replaces a stop": "closes what was stopped",
    "a stopped approval vouches": "is invited again",
    "an older word replaces the newer": "late webhook tells of its rejection",
    "ignores earlier attempts": "webhook tells",
    "leaves the other attempt open": "webhook tells",
    "asks for no other approval": "webhook tells",
    "opens another beside the one it left": "is retried",
    "takes a lost answer for a refusal": "takes a lost answer for a no",
    "takes a good answer for a change": "takes the answer for a change",
    "sweeps what is being asked for": "finds a twin",
    "sweeps by entity": "finds a twin",
}
"""Broken design → the move on its way to a broken law that the services do not make, or make otherwise."""


class Diverged(Exception):
    pass


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def follow(migrated_sqlite, shared_engines, tmp_path):
    """Has the real services take a way of the model, as far as time allows; gives the names of its moves."""

    def follow(case, way, beyond=lambda replay: ()):
        database = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
        shutil.copy(migrated_sqlite, database)
        bench, taken = Bench(shared_engines["portal"].connect_to(f"sqlite:///{database}")), []
        try:
            replay = Replay(bench, case.protocol.start(), case.world)
            for move in chain(way, beyond(replay)):
                if not replay.is_for_now(move):
                    break
                taken.append(move)
                replay.take(move)
        except (AssertionError, RetryRefused) as otherwise:
            sys.stdout.write("\n".join(["The services do otherwise at the end of this:", *narrate(taken), ""]))
            raise Diverged(taken[-1].name) from otherwise
        finally:
            bench.close()
        return {move.name for move in taken}

    return follow


@pytest.mark.long
@pytest.mark.parametrize("case", WORLDS, ids=str)
def test_services_do_as_the_model_says(case, search, follow):
    found, chance, taken = search(case), random.Random(case.name), set()

    def beyond(replay):
        for _ in range(MOVES_BEYOND):
            yield chance.choice([move for move in case.protocol.moves(replay.state) if replay.is_for_now(move)])

    for number in chance.sample(range(len(found.states)), WALKS):
        taken |= follow(case, found.way_to(number), beyond)
    for name in sorted(found.names - taken):
        ways = ways_to(name, found, case, chance)
        while name not in taken:
            taken |= follow(case, next(ways))


def ways_to(name, found, case, chance):
    for number in chance.sample(range(len(found.states)), len(found.states)):
        for move in case.protocol.moves(found.states[number]):
            if move.name == name:
                yield found.way_to(number, move.after.canonical())


@pytest.mark.long
@pytest.mark.parametrize("case", [case for case in BROKEN if case.name in REFUSED], ids=str)
def test_services_leave_the_way_on_which_a_broken_design_fails(case, search, follow):
    with pytest.raises(Diverged) as diverged:
        follow(case, search(case).broken[case.law])
    assert str(diverged.value) == REFUSED[case.name]


def test_each_way_that_one_onboarding_can_go_is_tried():
    alone = [it for it in BROKEN if it.world.onboardings == 1 and it.world.shows_metadata and not it.world.submits]
    assert {case.name for case in alone} == set(REFUSED)
