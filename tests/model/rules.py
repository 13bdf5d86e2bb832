"""What becomes of an onboarding by a write, each a single transaction."""

from __future__ import annotations

from tests.model.designs import Design, Sweep, World
from tests.model.state import (
    CANCELLED,
    NONE,
    Attempt,
    Row,
    Sending,
    State,
    Status,
    Step,
    Worker,
    is_alive,
    is_earlier,
    is_final,
)

_VERDICTS = {Status.JUDGED, Status.APPROVED, Status.TAKEN_BACK}


def observed(state: State, index: int, session: int, status: str, design: Design, *, by_nonce: bool = False) -> State:
    """gu1 spoke of a validation: the onboarding's own, or one that it may adopt now.

    `by_nonce`: in a webhook, which may also be about another attempt.
    """
    row = state.rows[index]
    if row.adopted == session:
        return _told(state, index, status, design)
    if row.others and any(it.session == session for it in row.others):
        return _told_of_other(state, index, session, status, design) if by_nonce else state
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
    if row.status == status or not _counts(row.status, status, design):
        # Of what was stopped after an approval, any word of gu1 says that nothing is left to do.
        is_over = row.stopped and row.due and not _is_due(row, row.status)
        return state.with_row(index, due=False) if is_over else state
    after = state.with_row(index, status=status, due=_is_due(row, status))
    return _to_recheck(after, index) if _may_have_another(row, design) else after


def _may_have_another(row: Row, design: Design) -> bool:
    """Another approval, now that this one ends."""
    return row.status == Status.APPROVED and row.opened > 1 and not row.stopped and design.looks_for_another


def _counts(old: str, new: str, design: Design) -> bool:
    """Whether the new word replaces the old one."""
    if is_earlier(old, new) or (is_earlier(new, old) and not design.newest_counts):
        return True
    goes_back = old in {Status.ABANDONED, Status.CONFIRMING} and is_alive(new)
    return not (is_final(old) or goes_back) or not design.forward_only


def _told_of_other(state: State, index: int, session: int, status: str, design: Design) -> State:
    """An approval ends the journey: from now on the onboarding stands at it."""
    row = state.rows[index]
    old = next(it for it in row.others if it.session == session)
    if not design.heeds_earlier:
        return state
    if not _counts(old.status, status, design):
        status = old.status
    rest = tuple(it for it in row.others if it is not old)
    if status != Status.APPROVED or row.status == Status.APPROVED or row.stopped:
        return state.with_row(index, others=_sorted(*rest, old._replace(status=status)))
    left = (Attempt(row.number, row.adopted, row.status),) if row.adopted != NONE else ()
    is_open = bool(left) and is_alive(row.status)
    is_sent = row.adopted != NONE or row.sends > 0
    approved = Row(
        *(old.number, old.number, Sending.ADOPTED, 1),
        adopted=session,
        status=status,
        due=False,
        sweeps=row.sweeps or (row.adopted == NONE and row.sends > 0),
        opened=row.opened if is_sent else row.opened - 1,
        others=_sorted(*rest, *left),
        rechecks=row.rechecks,
    )
    state = state._replace(rows=(*state.rows[:index], approved, *state.rows[index + 1 :]))
    return _to_recheck(state, index) if is_open and design.closes_left else state


def _to_recheck(state: State, index: int) -> State:
    """Also if it is being done: what is read may be older than the reason to read it."""
    for number, worker in enumerate(state.workers):
        if worker.step == Step.RECHECK and worker.row == index:
            state = state.with_worker(number, worker._replace(number=0))
    return state.with_row(index, rechecks=True)


def _sorted(*others: Attempt) -> tuple[Attempt, ...]:
    return tuple(sorted(others))


def rechecked(state: State, index: int, sessions: int, design: Design, *, claimed_at: int, may_write: bool) -> State:
    """The other attempts are read at gu1, and cancelled before that if they were known as open."""
    for other in state.rows[index].others:
        session = other.session
        if sessions >> session & 1 and state.sessions[session].is_alive:
            state = state.with_session(session, status=Status.ENDED)
        state = observed(state, index, session, state.sessions[session].status, design, by_nonce=True)
    row = state.rows[index]
    if not may_write or row.number != claimed_at:
        return state
    is_left = any(is_alive(it.status) for it in row.others)
    return state.with_row(index, rechecks=is_left)


def retried(row: Row, design: Design, *, keeps_others: bool) -> Row:
    """With the next validation, or with an earlier one that is open still, as two open ones could both be paid."""
    others = row.others
    if keeps_others:
        others = _sorted(*others, Attempt(row.number, row.adopted, row.status))
        left = next((it for it in row.others if is_alive(it.status)), None)
        if left and design.resumes_left:
            return row._replace(
                number=left.number,
                intent=left.number,
                adopted=left.session,
                status=left.status,
                due=True,
                others=tuple(it for it in others if it != left),
                rechecks=False,
            )
    number = row.opened + 1
    return Row(
        number=number,
        intent=row.intent if row.status in {Status.ENDED, Status.ABANDONED} else number,
        sweeps=row.sweeps,
        opened=number,
        others=others,
        rechecks=row.rechecks,
    )


def _is_due(row: Row, status: str) -> bool:
    """For what gu1 decided and only RENAPER has to confirm, nothing more is done after a stop."""
    return is_alive(status) or (status == Status.CONFIRMING and not row.stopped)


def told(state: State, design: Design) -> State:
    """With what every door says now."""
    for index, row in enumerate(state.rows):
        is_cancelled = row.stopped and (design.stop_outlives_verdict or row.status not in _VERDICTS)
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
