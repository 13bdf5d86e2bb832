"""What must hold in every state, at every step, and in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.model.designs import World
from tests.model.state import NONE, Row, Sending, State, Status, is_alive

StateLaw = Callable[[State, World], bool]
StepLaw = Callable[[State, str, int, State], bool]


def at_most_one_is_paid(state: State, world: World) -> bool:
    """Of each intent: a form however often sent, and its retries up to a verdict."""
    paid: Counter[tuple[int, int]] = Counter()
    for session in state.sessions:
        if session.status in {Status.JUDGED, Status.OVERTURNED} and session.shown_by != NONE:
            goes_on = state.rows[session.shown_by].goes_on
            paid[0 if world.submits else session.shown_by, 1 if goes_on else session.shown_for] += 1
    return all(times == 1 for times in paid.values())


def only_the_adopted_is_shown(state: State, _: World) -> bool:
    """Or what was, and is to be cancelled since an earlier attempt was approved."""
    return all(
        index in {state.rows[session.shown_by].adopted, state.rows[session.shown_by].left}
        for index, session in enumerate(state.sessions)
        if session.shown_by != NONE and session.is_alive
    )


def the_adopted_is_its_own(state: State, _: World) -> bool:
    """Asked for under its own nonce, if under any."""
    return all(
        row.adopted == NONE or state.sessions[row.adopted][:2] in {(index, row.number), (NONE, 0)}
        for index, row in enumerate(state.rows)
    )


def what_is_not_over_is_due(state: State, _: World) -> bool:
    return all(row.due or _is_over(state, row) for row in state.rows)


def _is_over(state: State, row: Row) -> bool:
    if row.adopted == NONE:
        return row.stopped and row.sending == Sending.PLANNED
    if row.left != NONE:
        return False
    return not is_alive(row.status) or (row.stopped and not state.sessions[row.adopted].is_alive)


def no_strangers_is_adopted(state: State, _: World) -> bool:
    """A law only where gu1 shows metadata."""
    return all(row.adopted == NONE or state.sessions[row.adopted].row != NONE for row in state.rows)


def one_is_created_per_nonce(state: State, _: World) -> bool:
    """A law only where nothing is late."""
    nonces = [it[:2] for it in state.sessions if it.row != NONE]
    return len(nonces) == len(set(nonces))


def one_is_alive_per_nonce(state: State, _: World) -> bool:
    """No law: a late request breaks it, which harms nobody while nobody is shown the second."""
    nonces = [it[:2] for it in state.sessions if it.is_alive]
    return len(nonces) == len(set(nonces))


def what_is_final_stays(before: State, _: str, __: int, after: State) -> bool:
    return all(
        is_alive(old.status) or new.status in {old.status, Status.OVERTURNED} or new.number != old.number
        for old, new in zip(before.rows, after.rows, strict=False)
    )


def what_is_adopted_stays(before: State, _: str, __: int, after: State) -> bool:
    return all(
        old.sending != Sending.ADOPTED
        or new.number != old.number
        or (new.adopted, new.sending) == (old.adopted, Sending.ADOPTED)
        for old, new in zip(before.rows, after.rows, strict=False)
    )


def a_sweep_spares_what_is_used(before: State, name: str, session: int, _: State) -> bool:
    if name != "cancels the twin":
        return True
    is_used = any(row.adopted == session and not row.stopped for row in before.rows)
    return not is_used and before.sessions[session].shown_by == NONE


STATE_LAWS: tuple[StateLaw, ...] = (
    at_most_one_is_paid,
    only_the_adopted_is_shown,
    the_adopted_is_its_own,
    what_is_not_over_is_due,
)
STEP_LAWS: tuple[StepLaw, ...] = (what_is_final_stays, what_is_adopted_stays, a_sweep_spares_what_is_used)


def nobody_is_stuck(state: State, world: World) -> bool:
    """Of a state from which the runner alone leads nobody on: only if gu1 may not be asked again."""
    return any(
        row.sending != Sending.ADOPTED and row.sends >= world.sends_of(index) for index, row in enumerate(state.rows)
    )


def can_go_on(state: State) -> bool:
    """Each applicant has a page to go on at, or is at an end."""
    return all(
        row.stopped
        or (not is_alive(row.status) and row.left == NONE)
        or (row.sending == Sending.ADOPTED and state.sessions[row.adopted].is_alive)
        for row in state.rows
    )


HELPS = frozenset(
    {
        *("claims to look", "claims to send", "plans to send again", "closes what was stopped", "refreshes"),
        "closes what was left",
        *("notes the sending", "sends the POST", "gets the answer", "saves the answer", "finds ours listed"),
        *("finds none of ours listed", "finds rows without metadata", "asks whether others are sending"),
        *("asks which ids are known", "adopts what it found", "notes that it found none", "gives up"),
        *("finds a twin", "cancels the twin", "a late POST arrives"),
    }
)
"""What the runner and gu1 do by themselves if nothing fails; no webhook, no luck, no applicant."""
