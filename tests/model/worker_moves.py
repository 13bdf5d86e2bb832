"""What the workers do: claim an onboarding, and take its next step between two writes or calls."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.claims import Claims
from tests.model.correction_moves import Corrections
from tests.model.creation_moves import Sends
from tests.model.designs import Design, Sweep, World
from tests.model.reconciliation_moves import Looks
from tests.model.rules import rechecked, refreshed, unsent
from tests.model.state import (
    NONE,
    Correction,
    Move,
    Row,
    Sending,
    State,
    Status,
    Step,
    Worker,
    is_alive,
    is_final,
)


class WorkerMoves:
    def __init__(self, design: Design, world: World) -> None:
        self._design = design
        self._world = world
        self._claims = Claims(design, world)
        self._corrections = Corrections(design, self._claims)
        sends, looks = Sends(design, world, self._claims), Looks(design, world, self._claims)
        self._steps = {
            Step.WRITE_AHEAD: sends.write_ahead,
            Step.POST: sends.post,
            Step.WAIT: sends.wait,
            Step.SAVE: sends.save,
            Step.LIST: looks.list_,
            Step.CHECK: looks.check,
            Step.CHECK_MORE: looks.check_more,
            Step.ADOPT: looks.adopt,
            Step.MISS: looks.miss,
            Step.SWEEP: looks.sweep,
            Step.CANCEL: looks.cancel,
            Step.RECHECK: self._recheck,
            Step.CORRECT: self._corrections.ask,
            Step.SETTLE: self._corrections.settle,
        }

    def moves(self, state: State) -> Iterator[Move]:
        idle = None
        for index, worker in enumerate(state.workers):
            if worker.step == Step.IDLE:
                idle = index if idle is None else idle
                continue
            steps = list(self._steps[worker.step](state, index, worker))
            yield from steps
            yield Move("dies" if steps else "gives up", index, NONE, self._claims.gone(state, index))
        if idle is not None:
            for number, row in enumerate(state.rows):
                if self._claims.may_claim(state, number):
                    yield from self._next_step(state, idle, number, row)

    def _next_step(self, state: State, index: int, number: int, row: Row) -> Iterator[Move]:
        claimed = self._claims.claimed(state, index, number)
        if self._sweeps(row):
            after = claimed.with_worker(index, Worker(Step.SWEEP, number, 0, row.adopted))
            yield Move("claims to sweep", index, number, after)
        if row.rechecks:
            left = sum(1 << it.session for it in row.others if is_alive(it.status))
            after = claimed.with_worker(index, Worker(Step.RECHECK, number, row.number, left, True))
            yield Move("claims to recheck", index, number, after)
        if not row.due:
            return
        if row.sending == Sending.SENT:
            yield from self._after_sending(claimed, index, number, row)
        elif row.correction == Correction.PENDING:
            yield from self._corrections.claimed(claimed, index, number, row)
        elif row.stopped:
            yield Move("closes what was stopped", index, number, self._closed(claimed, number, row))
        elif row.sending == Sending.PLANNED:
            step = Step.WRITE_AHEAD if self._design.write_ahead else Step.POST
            after = claimed.with_worker(index, Worker(step, number, row.number, 0, True))
            yield Move("claims to send", index, number, after)
        else:
            yield Move("refreshes", index, number, refreshed(claimed, number))
            yield from self._closing(claimed, index, number, row)
            if self._gives_up_the_missing(number, row):
                after = claimed.with_row(number, sending=Sending.PLANNED, adopted=NONE, status=Status.OPEN)
                yield Move("replaces what is not listed", index, number, after)

    def _recheck(self, state: State, index: int, worker: Worker) -> Iterator[Move]:
        """Whatever became of the onboarding since."""
        may_write = self._claims.may_write(state, worker)
        after = rechecked(state, worker.row, worker.what, self._design, claimed_at=worker.number, may_write=may_write)
        yield Move("cancels what was left", index, NONE, self._claims.finished(after, index, worker))

    def _after_sending(self, claimed: State, index: int, number: int, row: Row) -> Iterator[Move]:
        if self._design.reconcile:
            after = claimed.with_worker(index, Worker(Step.LIST, number, row.number, row.looked, True))
            yield Move("claims to look", index, number, after)
        elif row.sends < self._world.sends_of(number):
            yield Move("plans to send again", index, number, unsent(claimed, number, self._design))

    def _sweeps(self, row: Row) -> bool:
        knows_its_own = self._world.shows_metadata or self._design.sweep is Sweep.ENTITY
        if self._design.sweep is Sweep.OFF or not knows_its_own or not row.sweeps:
            return False
        if row.stopped:
            return row.sending == Sending.PLANNED or not is_alive(row.status)
        return row.sending == Sending.ADOPTED

    def _gives_up_the_missing(self, number: int, row: Row) -> bool:
        if self._design.keeps_missing or not self._world.stale_lists:
            return False
        return row.sends < self._world.sends_of(number) and is_alive(row.status)

    def _closing(self, claimed: State, index: int, number: int, row: Row) -> Iterator[Move]:
        """For a fresh start; that gu1 refuses to close it is the same as that nobody asked."""
        if not self._world.restarts or row.status != Status.ABANDONED:
            return
        closed = self._closed(claimed, number, row)
        yield Move("closes what was abandoned", index, number, closed)
        if not self._design.reads_back:
            after = claimed.with_row(number, status=Status.ENDED, due=False)
            yield Move("takes it for closed", index, number, after)

    def _closed(self, claimed: State, number: int, row: Row) -> State:
        if row.adopted == NONE or is_final(row.status):
            return claimed.with_row(number, due=False)
        if claimed.sessions[row.adopted].is_alive:
            claimed = claimed.with_session(row.adopted, status=Status.ENDED)
        return claimed.with_row(number, status=claimed.sessions[row.adopted].status, due=False)
