"""A document number that was mistyped, and what follows if it is given once more."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.claims import Claims
from tests.model.designs import Design
from tests.model.state import Correction, Move, Record, Row, State, Status, Step, Worker


class Corrections:
    """gu1 changes the number of its record, refuses that, or answers well and keeps the old one: always the same."""

    def __init__(self, design: Design, claims: Claims) -> None:
        self._design = design
        self._claims = claims

    def given_again(self, state: State, index: int, row: Row) -> Iterator[Move]:
        """While the verdict is held, because it is about a document with another number."""
        if row.status == Status.JUDGED and row.correction == Correction.NONE:
            after = state.with_row(index, correction=Correction.PENDING, due=True)
            yield Move("gives the number again", index, row.adopted, after)

    def claimed(self, claimed: State, index: int, number: int, row: Row) -> Iterator[Move]:
        after = claimed.with_worker(index, Worker(Step.CORRECT, number, row.number, 0, True))
        yield Move("claims to correct", index, number, after)

    def ask(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        record = state.rows[worker.row].record
        if record != Record.KEPT:
            changed = state.with_row(worker.row, record=Record.RIGHT)
            yield Move("gu1 changes the number", index, worker.row, self._to_settle(changed, index, worker, True))
            yield Move("the change is not answered", index, worker.row, self._claims.gone(changed, index))
            if not self._design.repeats_lost_change:
                after = self._to_settle(changed, index, worker, False)
                yield Move("takes a lost answer for a no", index, worker.row, after)
        if record != Record.RIGHT:
            kept = state.with_row(worker.row, record=Record.KEPT)
            yield Move("gu1 keeps the number", index, worker.row, self._to_settle(kept, index, worker, False))
            if not self._design.reads_record:
                after = self._to_settle(kept, index, worker, True)
                yield Move("takes the answer for a change", index, worker.row, after)

    def settle(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        if not self._claims.may_write(state, worker):
            return
        if worker.what:
            after = state.with_row(worker.row, correction=Correction.CORRECTED, due=False)
            yield Move("counts the verdict", index, worker.row, self._claims.finished(after, index, worker))
            return
        row = state.rows[worker.row]
        number = row.opened + 1
        fresh = Row(number, number, opened=number, correction=Correction.REPLACED, record=row.record)
        rows = (*state.rows[: worker.row], fresh, *state.rows[worker.row + 1 :])
        after = self._claims.finished(state._replace(rows=rows), index, worker)
        yield Move("replaces the record", index, worker.row, after)

    @staticmethod
    def _to_settle(state: State, index: int, worker: Worker, is_right: bool) -> State:
        return state.with_worker(index, worker._replace(step=Step.SETTLE, what=int(is_right)))
