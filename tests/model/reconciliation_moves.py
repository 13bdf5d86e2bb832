"""The worker's steps around gu1's list: reconciling, guessing, sweeping."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.claims import Claims
from tests.model.designs import Design, Guess, World
from tests.model.rules import missed, observed, twins
from tests.model.state import NONE, Move, Sending, State, Status, Step, Worker

_ASKS_OTHERS = "asks whether others are sending"
_ASKS_IDS = "asks which ids are known"


class Looks:
    def __init__(self, design: Design, world: World, claims: Claims) -> None:
        self._design = design
        self._world = world
        self._claims = claims

    def list_(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        nonce = (worker.row, worker.number)
        mine = [i for i, it in enumerate(state.sessions) if it[:2] == nonce and self._world.shows_metadata]
        live = [i for i in mine if state.sessions[i].is_alive]
        for found in mine if self._world.stale_lists else (live or mine)[:1]:
            after = state.with_worker(index, worker._replace(step=Step.ADOPT, what=found))
            yield Move("finds ours listed", index, found, after)
        bare = sum(1 << i for i, it in enumerate(state.sessions) if it.is_alive)
        if bare and not self._world.shows_metadata and self._design.guess is not Guess.NEVER:
            after = state.with_worker(index, worker._replace(step=Step.CHECK, what=bare))
            yield Move("finds rows without metadata", index, NONE, after)
        elif not mine or self._world.stale_lists:
            after = state.with_worker(index, worker._replace(step=Step.MISS))
            yield Move("finds none of ours listed", index, NONE, after)

    def check(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        asks = _ASKS_OTHERS if self._design.others_before_known else _ASKS_IDS
        left = self._left(state, worker, asks)
        after = worker._replace(step=Step.CHECK_MORE, what=left) if left else self._nothing(state, worker)
        yield Move(asks, index, NONE, state.with_worker(index, after))

    def check_more(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        asks = _ASKS_IDS if self._design.others_before_known else _ASKS_OTHERS
        left = self._left(state, worker, asks)
        oldest = (left & -left).bit_length() - 1
        after = worker._replace(step=Step.ADOPT, what=oldest) if left else self._nothing(state, worker)
        yield Move(asks, index, NONE, state.with_worker(index, after))

    def _left(self, state: State, worker: Worker, asks: str) -> int:
        if asks == _ASKS_OTHERS:
            return 0 if self._others_send(state, worker.row) else worker.what
        return sum(1 << i for i in range(len(state.sessions)) if worker.what >> i & 1 and not state.adopters(i))

    def _others_send(self, state: State, own: int) -> bool:
        others = [row for index, row in enumerate(state.rows) if index != own]
        if self._design.guess is Guess.NONE_SENT:
            return any(row.sending == Sending.SENT for row in others)
        if self._design.guess is Guess.ALL_ANSWERED:
            return any(row.sends > (row.adopted != NONE) for row in others)
        return False

    def _nothing(self, state: State, worker: Worker) -> Worker:
        return worker._replace(step=Step.MISS, what=state.rows[worker.row].looked)

    def adopt(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        if self._claims.may_write(state, worker):
            after = observed(state, worker.row, worker.what, state.sessions[worker.what].status, self._design)
            yield Move("adopts what it found", index, worker.what, self._claims.finished(after, index, worker))

    def miss(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        if self._claims.may_write(state, worker):
            after = missed(state, worker.row, worker.what, self._design, self._world)
            yield Move("notes that it found none", index, NONE, self._claims.finished(after, index, worker))

    def sweep(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        for twin in twins(state, worker.row, worker.what, self._design.sweep):
            after = state.with_worker(index, Worker(Step.CANCEL, worker.row, 0, twin))
            yield Move("finds a twin", index, twin, after)

    def cancel(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        """Whatever became of it, and of the claim, since it was found."""
        if state.sessions[worker.what].is_alive:
            after = state.with_session(worker.what, status=Status.ENDED).with_worker(index, Worker())
            yield Move("cancels the twin", index, worker.what, after)
