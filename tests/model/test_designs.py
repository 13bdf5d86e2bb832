"""The protocol in every order of events: the full design keeps all its laws, and each part of it is needed."""

import sys
from dataclasses import replace

import pytest

from tests.model import laws
from tests.model.catalogue import BROKEN, FULL, HARMLESS, HOLD
from tests.model.designs import Design, Guard, World
from tests.model.narration import SENTENCES, narrate

FEW_STEPS = 12
"""A longer way comes from the same search, and looking for it twice takes seconds."""
SHOWING_EVERY_MOVE = {
    "… three workers, stale lists, all at once",
    "… and a retry, no webhooks",
    "… the same form sent twice",
    "starts anew without reading back",
    "… RENAPER answers late, and people stop",
    "… reviewers overturn verdicts, and people stop",
    "takes a lost answer for a refusal",
    "takes a good answer for a change",
    "guesses beside another system",
    "replaces what a list left out",
    "repeats at once, redirects from the answer",
}
"""Together; the others would only repeat moves."""
SMALL = {World(), World(stops=True), World(sends=3, stops=True)}
REDUCED = [it for it in BROKEN if it.design.guard is Guard.FENCE and it.world in SMALL]


def print_ways(found):
    """Shown where a test fails, and with -s."""
    for law, way in found.broken.items():
        sys.stdout.write("\n".join([f"\n{law} is broken:", *narrate(way), ""]))


@pytest.mark.long
@pytest.mark.parametrize("case", HOLD, ids=str)
def test_every_law_holds_in_every_state(case, search):
    found = search(case)
    print_ways(found)
    assert found.broken == {}
    is_late = case.world.sends > 1 and not case.world.punctual
    assert found.has_twins == is_late, "a nonce has two validations only if something is late"


@pytest.mark.long
@pytest.mark.parametrize("case", HARMLESS, ids=str)
def test_a_weaker_design_breaks_no_law_by_itself(case, search):
    found = search(case)
    print_ways(found)
    assert found.broken == {}


@pytest.mark.long
@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_a_broken_design_is_caught_with_a_shortest_way(case, search):
    found = search(case)
    print_ways(found)
    assert len(found.broken[case.law]) == case.steps


@pytest.mark.long
@pytest.mark.parametrize("case", [case for case in BROKEN if case.steps <= FEW_STEPS], ids=str)
def test_no_shorter_way_breaks_it(case):
    """By a search that remembers no ways, so that it cannot take a longer one for a shorter."""
    assert first_breaking_step(case) == case.steps


def first_breaking_step(case):
    law, protocol = getattr(laws, case.law), case.protocol
    seen = frontier = {protocol.start()}
    for step in range(1, case.steps + 1):
        moves = [(state, move) for state in frontier for move in protocol.moves(state)]
        if any(breaks(law, state, move, case.world) for state, move in moves):
            return step
        frontier = {move.after.canonical() for _, move in moves} - seen
        seen = seen | frontier
    return None


def breaks(law, state, move, world):
    if law in laws.STEP_LAWS:
        return not law(state, move.name, move.what, move.after)
    return not law(move.after, world)


def test_each_law_is_broken_by_some_design():
    every = {law.__name__ for law in (*laws.STATE_LAWS, *laws.STEP_LAWS, laws.nobody_is_stuck)}
    assert every - {case.law for case in BROKEN} == set()


def test_each_part_of_the_design_is_switched_off_somewhere():
    tried = [case.design for case in (*BROKEN, *HARMLESS)]
    untried = [
        name for name in Design.__dataclass_fields__ if all(getattr(it, name) == getattr(FULL, name) for it in tried)
    ]
    assert untried == []


@pytest.mark.slow  # searches cases once more that other workers have searched
def test_every_move_has_a_sentence_and_every_sentence_a_move(search):
    names = {name for case in (*HOLD, *BROKEN) if case.name in SHOWING_EVERY_MOVE for name in search(case).names}
    assert names == set(SENTENCES)
    assert names > laws.HELPS


@pytest.mark.long
@pytest.mark.parametrize("case", [HOLD[0], *(pytest.param(it, marks=pytest.mark.slow) for it in REDUCED)], ids=str)
def test_what_the_search_leaves_out_changes_no_verdict(case):
    small = replace(case, law=None, world=replace(case.world, sends=2))
    whole = replace(small, world=replace(small.world, is_reduced=False))
    ways, all_ways = small.search().broken, whole.search().broken
    assert {law: len(way) for law, way in ways.items()} == {law: len(way) for law, way in all_ways.items()}
