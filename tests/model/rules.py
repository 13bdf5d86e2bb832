"""What becomes of an onboarding by a write, each a single transaction."""

from __future__ import annotations

from tests.model.designs import Design, Sweep, World
from tests.model.state import NONE, Sending, State, Status, Worker, is_alive


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
    return state.with_row(index, sending=Sending.ADOPTED, adopted=session, status=status, looks=0, due=is_alive(status))


def _told(state: State, index: int, status: str, design: Design) -> State:
    row = state.rows[index]
    if row.sending != Sending.ADOPTED:
        return state.with_row(index, sending=Sending.ADOPTED, status=status, due=is_alive(status))
    stale = not is_alive(row.status) or (row.status == Status.ABANDONED and status == Status.OPEN)
    is_overturned = (row.status, status) == (Status.JUDGED, Status.OVERTURNED)
    if row.status == status or (stale and design.forward_only and not is_overturned):
        return state
    return state.with_row(index, status=status, due=is_alive(status))


def overturned(state: State, index: int, design: Design) -> State:
    """gu1 approved the attempt before the one that the onboarding stands at."""
    row = state.rows[index]
    if row.stopped or state.sessions[row.earlier].status != Status.OVERTURNED:
        return state
    is_open = row.adopted != NONE and is_alive(row.status)
    left = row.adopted if is_open and design.cancels_the_left else NONE
    return state.with_row(
        index,
        number=row.number - 1,
        sending=Sending.ADOPTED,
        sends=1,
        looks=0,
        adopted=row.earlier,
        status=Status.OVERTURNED,
        due=left != NONE,
        sweeps=row.sweeps or row.sending == Sending.SENT,
        earlier=NONE,
        left=left,
    )


def refreshed(state: State, index: int) -> State:
    """gu1 is read: the newest news there are."""
    row = state.rows[index]
    status = state.sessions[row.adopted].status
    if status == row.status or not is_alive(row.status):
        return state
    return state.with_row(index, status=status, due=is_alive(status))


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
    unknown = [i for i in alive if not state.adopters(i) and not state.is_another_attempts(i)]
    ours = [i for i in unknown if state.sessions[i].row == index]
    if sweep is Sweep.OURS:
        return ours
    return [i for i in ours if row.stopped or row.adopted != NONE or state.sessions[i].number < row.number]
