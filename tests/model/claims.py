"""What a claim is worth: who may write, and what becomes of a worker that lost its claim or its life."""

from __future__ import annotations

from tests.model.designs import Design, Guard, World
from tests.model.state import State, Step, Worker

_REACHES_GU1 = {Step.POST, Step.SWEEP, Step.CANCEL, Step.RECHECK}
"""Steps that are taken whoever holds the claim by then. All others end in a write, which is refused."""
_ANSWERS_BROWSER = {Step.WAIT, Step.SAVE}


class Claims:
    def __init__(self, design: Design, world: World) -> None:
        self._is_fenced = design.guard is Guard.FENCE
        self._is_leased = design.guard is Guard.LEASE
        self._lets_wait = not design.gate or not world.is_reduced
        """Also without the claim."""
        self._world = world

    def may_claim(self, state: State, row: int) -> bool:
        """At any moment: no lease is trusted, nor that its holder does not wake up again."""
        return not self._world.punctual or all(it.step == Step.IDLE or it.row != row for it in state.workers)

    def claimed(self, state: State, index: int, row: int) -> State:
        """Every other claim of the onboarding is lost."""
        if self._is_leased:
            return state.with_row(row, leased=True)
        if not self._is_fenced:
            return state
        for other, worker in enumerate(state.workers):
            if other == index or worker.row != row or not worker.holds:
                continue
            # Who can neither write nor reach anybody is as good as idle.
            reaches = worker.step in _REACHES_GU1 or (worker.step in _ANSWERS_BROWSER and self._lets_wait)
            stays = reaches or not self._world.is_reduced
            state = state.with_worker(other, worker._replace(holds=False)) if stays else self.gone(state, other)
        return state

    def may_write(self, state: State, worker: Worker) -> bool:
        if self._is_fenced:
            return worker.holds
        return not self._is_leased or state.rows[worker.row].leased

    def is_heard(self, worker: Worker) -> bool:
        """Whether an answer that it gets leads to anything."""
        return worker.holds or not self._is_fenced or self._lets_wait

    def finished(self, state: State, index: int, worker: Worker) -> State:
        state = state.with_worker(index, Worker())
        return state.with_row(worker.row, leased=False) if self._is_leased else state

    def gone(self, state: State, index: int) -> State:
        """Without a write."""
        return self.too_late(state, state.workers[index]).with_worker(index, Worker())

    def too_late(self, state: State, worker: Worker) -> State:
        """Nobody waits for the answer any more; gu1 may get the request all the same."""
        if worker.step != Step.WAIT or self._world.punctual:
            return state
        return state._replace(posts=tuple(sorted((*state.posts, (worker.row, worker.number)))))
