"""The worker's steps around the paid request."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.claims import Claims
from tests.model.designs import Design, World
from tests.model.rules import answer_lost, observed, unsent
from tests.model.state import NONE, Move, Sending, Session, State, Status, Step, Worker


class Sends:
    def __init__(self, design: Design, world: World, claims: Claims) -> None:
        self._design = design
        self._world = world
        self._claims = claims

    def write_ahead(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        row = state.rows[worker.row]
        if row.sending != Sending.PLANNED or row.stopped or not self._claims.may_write(state, worker):
            return
        sends = row.sends + 1
        after = state.with_row(
            worker.row, sending=Sending.SENT, sends=sends, looks=0, sweeps=row.sweeps or sends > 1
        ).with_worker(index, Worker(Step.POST, worker.row, row.number, 0, True))
        yield Move("notes the sending", index, NONE, after)

    def post(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        row = state.rows[worker.row]
        if self._design.write_ahead or len(state.sessions) + len(state.posts) <= self._world.sends:
            after = state.with_worker(index, worker._replace(step=Step.WAIT))
            heard = self._claims.is_heard(worker)
            yield Move("sends the POST", index, NONE, after if heard else self._claims.gone(after, index))
        if self._design.write_ahead and self._claims.may_write(state, worker) and row.number == worker.number:
            after = unsent(state, worker.row, self._design, not_counted=True)
            yield Move("cannot connect", index, NONE, self._claims.finished(after, index, worker))

    def wait(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        new = len(state.sessions)
        created = state.with_new(Session(worker.row, worker.number))
        yield Move("gets the answer", index, new, created.with_worker(index, worker._replace(step=Step.SAVE, what=new)))
        if self._claims.may_write(state, worker):
            after = answer_lost(self._claims.too_late(state, worker), worker, self._design, self._world)
            yield Move("waits in vain", index, NONE, self._claims.finished(after, index, worker))

    def save(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        session = state.sessions[worker.what]
        if not self._design.gate and session.shown_by == NONE and session.status == Status.OPEN:
            shown = state.with_session(worker.what, shown_by=worker.row, shown_for=state.rows[worker.row].intent)
            yield Move("redirects from the answer", index, worker.what, shown)
        if self._claims.may_write(state, worker):
            after = observed(state, worker.row, worker.what, Status.OPEN, self._design)
            yield Move("saves the answer", index, worker.what, self._claims.finished(after, index, worker))
            after = answer_lost(state, worker, self._design, self._world)
            yield Move("loses the answer", index, worker.what, self._claims.finished(after, index, worker))
