"""The moves around a mistyped number, on the bench."""

from __future__ import annotations

from portal.domain.errors import Refused, Unavailable
from tests.model.services_bench import TYPED, VERIFIED


def give_again(replay, _):
    replay.bench.onboardings.correct_number(replay.bench.id, VERIFIED)


def change(replay, move):
    """gu1's answer is on its way back."""
    process = asked(replay, move)
    replay.bench.ledger.entity_number = VERIFIED
    process.answer(None)


def keep(replay, move):
    process = asked(replay, move)
    process.answer(Refused(400, "INVALID_REQUEST"))


def change_unanswered(replay, move):
    process = asked(replay, move)
    replay.bench.ledger.entity_number = VERIFIED
    replay.processes.pop(move.who)
    process.answer(Unavailable("the answer was lost"))


def asked(replay, move):
    process = replay.processes[move.who]
    process.start()
    assert process.call[0] == "change_tax_id"
    return process


def count(replay, move):
    replay.processes.pop(move.who).finish()


def replace_record(replay, move):
    """The new entity, of which the model knows nothing, comes with the next validation."""
    replay.processes.pop(move.who).finish()
    assert replay.bench.ledger.entity_number == TYPED


MOVES = {
    "gives the number again": give_again,
    "gu1 changes the number": change,
    "the change is not answered": change_unanswered,
    "gu1 keeps the number": keep,
    "counts the verdict": count,
    "replaces the record": replace_record,
}
