"""What becomes of an onboarding by a write, each a single transaction."""

from __future__ import annotations

from tests.model.designs import Design, Sweep, World
from tests.model.state import CANCELLED, NONE, Row, Sending, State, Status, Worker, is_alive, is_final


def observed(state: State, index: int, session: int, status: str, design: Design, *, by_nonce: bool = False) -> State:
    """gu1 spoke of a validation: the onboarding's own, or one that it may adopt now."""
    row = state.rows[index]
    if row.adopted == session:
        return _told(state, index, status, design)
    if row.adopted != NONE and design.adopts_once:
        return state
    if (by_nonce or row.sending != Sending.SENT) and state.sessions[session].number != row.number:
        return state
    if design.unique_ids and state.adopters(session):
        return state
    due = _is_due(row, status)
    return state.with_row(index, sending=Sending.ADOPTED, adopted=session, status=status, looks=0, due=due)


def _told(state: State, index: int, status: str, design: Design) -> State:
    row = state.rows[index]
    if row.sending != Sending.ADOPTED:
        return state.with_row(index, sending=Sending.ADOPTED, status=status, due=_is_due(row, status))
    goes_back = row.status in {Status.ABANDONED, Status.CONFIRMING} and is_alive(status)
    stale = is_final(row.status) or goes_back
    if row.status == status or (stale and design.forward_only):
        return state
    return state.with_row(index, status=status, due=_is_due(row, status))


def _is_due(row: Row, status: str) -> bool:
    """For what gu1 decided and only RENAPER has to confirm, nothing more is done after a stop."""
    return is_alive(status) or (status == Status.CONFIRMING and not row.stopped)


def told(state: State, design: Design) -> State:
    """With what every door says now."""
    for index, row in enumerate(state.rows):
        is_cancelled = row.stopped and (design.stop_outlives_verdict or row.status != Status.JUDGED)
        word = CANCELLED if is_cancelled else row.status
        if row.told != word:
            state = state.with_row(index, told=word)
    return state


def refreshed(state: State, index: int) -> State:
    """gu1 is read: the newest news there are."""
    row = state.rows[index]
    status = state.sessions[row.adopted].status
    if status == row.status or is_final(row.status):
        return state
    return state.with_row(index, status=status, due=_is_due(row, status))


def unsent(state: State, index: int, design: Design, *, not_counted: bool = False) -> State:
    """To be sent again."""
    row = state.rows[index]
    if row.sending == Sending.ADOPTED and (design.resend_spares_adopted or not_counted):
        return state
    return state.with_row(index, sending=Sending.PLANNED, looks=0, sends=row.sends - not_counted)


def answer_lost(state: State, worker: Worker, design: Design, world: World) -> State:
    row = state.rows[worker.row]
    if row.sending == Sending.ADOPTED or row.number != worker.number:
        return state
    if not design.write_ahead:
        return state.with_row(worker.row, sending=Sending.SENT, sends=row.sends + 1, looks=0)
    if not design.reconcile and row.sends < world.sends_of(worker.row):
        return unsent(state, worker.row, design)
    return state


def missed(state: State, index: int, claimed: int, design: Design, world: World) -> State:
    """gu1's list showed none of ours; decided by what was true at the claim."""
    row = state.rows[index]
    looks, was_stopped = divmod(claimed, 2)
    if looks + 1 < design.looks:
        return state.with_row(index, looks=looks + 1) if row.sending == Sending.SENT else state
    if was_stopped:
        after = unsent(state, index, design)
        return after.with_row(index, sweeps=True, due=after.rows[index].sending == Sending.ADOPTED)
    return unsent(state, index, design) if row.sends < world.sends_of(index) else state


def twins(state: State, index: int, adopted_then: int, sweep: Sweep) -> list[int]:
    """Open validations that the sweeper of this onboarding would cancel."""
    row = state.rows[index]
    alive = [i for i, it in enumerate(state.sessions) if it.is_alive]
    if sweep is Sweep.ENTITY:
        return [i for i in alive if i != adopted_then]
    ours = [i for i in alive if state.sessions[i].row == index and not state.adopters(i)]
    if sweep is Sweep.OURS:
        return ours
    return [i for i in ours if row.stopped or row.adopted != NONE or state.sessions[i].number < row.number]
