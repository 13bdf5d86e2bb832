"""What must hold in every state, at every step, and in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.model.designs import World
from tests.model.state import (
    CANCELLED,
    NONE,
    Correction,
    Record,
    Row,
    Sending,
    State,
    Status,
    is_alive,
    is_earlier,
    is_final,
)

StateLaw = Callable[[State, World], bool]
StepLaw = Callable[[State, str, int, State], bool]


_PAID = {Status.CONFIRMING, Status.JUDGED, Status.APPROVED, Status.TAKEN_BACK}


def at_most_one_is_paid(state: State, world: World) -> bool:
    """Of each intent: a form however often sent, and its retries up to a verdict."""
    paid: Counter[tuple[int, int]] = Counter()
    for session in state.sessions:
        if session.status in _PAID and session.shown_by != NONE:
            paid[0 if world.submits else session.shown_by, session.shown_for] += 1
    return all(times == 1 for times in paid.values())


def only_the_adopted_is_shown(state: State, _: World) -> bool:
    """Or one that was adopted then, and is to be cancelled since gu1 approved an earlier attempt."""
    return all(
        state.rows[session.shown_by].adopted == index
        or (state.rows[session.shown_by].rechecks and state.adopters(index) == [session.shown_by])
        for index, session in enumerate(state.sessions)
        if session.shown_by != NONE and session.is_alive
    )


def one_is_open_to_its_applicant(state: State, world: World) -> bool:
    """Two that somebody could complete one after the other would both be paid, by our doing."""
    if not world.overturns:
        return True
    shown = Counter(it.shown_by for it in state.sessions if it.is_alive and it.shown_by != NONE)
    return all(times == 1 for times in shown.values())


def an_approval_counts(state: State, world: World) -> bool:
    """Of whichever attempt, or gu1 is asked about it soon."""
    return not world.overturns or all(
        row.stopped
        or row.status == Status.APPROVED
        or row.rechecks
        or all(other.status != Status.APPROVED for other in row.others)
        for row in state.rows
    )


def a_corrected_verdict_is_paid_once(state: State, world: World) -> bool:
    """Where gu1 has the right number, the first verdict counts or will count, so no second one is paid."""
    if not world.corrections:
        return True
    paid = Counter(it.shown_by for it in state.sessions if it.status in _PAID and it.shown_by != NONE)
    return all(row.record != Record.RIGHT or paid[index] == 1 for index, row in enumerate(state.rows))


def a_verdict_counts_on_the_right_record(state: State, _: World) -> bool:
    return all(row.correction != Correction.CORRECTED or row.record == Record.RIGHT for row in state.rows)


def the_adopted_is_its_own(state: State, _: World) -> bool:
    """Asked for under its own nonce, if under any."""
    return all(
        row.adopted == NONE or state.sessions[row.adopted][:2] in {(index, row.number), (NONE, 0)}
        for index, row in enumerate(state.rows)
    )


def what_is_not_over_is_due(state: State, _: World) -> bool:
    return all(row.due or (_is_over(state, row) and row.correction != Correction.PENDING) for row in state.rows)


def _is_over(state: State, row: Row) -> bool:
    if row.adopted == NONE:
        return row.stopped and row.sending == Sending.PLANNED
    return is_final(row.status) or (row.stopped and not state.sessions[row.adopted].is_alive)


def a_stop_wins(state: State, world: World) -> bool:
    """At page, JSON, API, notification and way back, and when the customer is invited again."""
    return not world.tells or all(not row.stopped or (row.told == CANCELLED and not row.vouched) for row in state.rows)


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
    """Only gu1's newer word replaces it."""
    return all(
        not is_final(old.status)
        or new.status == old.status
        or new.number != old.number
        or is_earlier(old.status, new.status)
        for old, new in zip(before.rows, after.rows, strict=False)
    )


def what_is_adopted_stays(before: State, _: str, __: int, after: State) -> bool:
    return all(
        old.sending != Sending.ADOPTED
        or new.number != old.number
        or (new.adopted, new.sending) == (old.adopted, Sending.ADOPTED)
        for old, new in zip(before.rows, after.rows, strict=False)
    )


HEARD = "webhook tells"


def gu1s_newest_word_counts(before: State, name: str, session: int, after: State) -> bool:
    """Of whichever attempt; an approval ends the journey, unless the applicant stopped it."""
    if name != HEARD:
        return True
    status = before.sessions[session].status
    if not is_final(status):
        return True
    for index in before.adopters(session):
        row = after.rows[index]
        known = row.status if row.adopted == session else next(it.status for it in row.others if it.session == session)
        if known != status or (status == Status.APPROVED and row.status != status and not row.stopped):
            return False
    return True


def a_sweep_spares_what_is_used(before: State, name: str, session: int, _: State) -> bool:
    if name != "cancels the twin":
        return True
    is_used = any(row.adopted == session and not row.stopped for row in before.rows)
    return not is_used and before.sessions[session].shown_by == NONE


STATE_LAWS: tuple[StateLaw, ...] = (
    at_most_one_is_paid,
    only_the_adopted_is_shown,
    one_is_open_to_its_applicant,
    an_approval_counts,
    a_corrected_verdict_is_paid_once,
    a_verdict_counts_on_the_right_record,
    the_adopted_is_its_own,
    what_is_not_over_is_due,
    a_stop_wins,
)
STEP_LAWS: tuple[StepLaw, ...] = (
    what_is_final_stays,
    what_is_adopted_stays,
    gu1s_newest_word_counts,
    a_sweep_spares_what_is_used,
)


def nobody_is_stuck(state: State, world: World) -> bool:
    """Of a state from which the runner alone leads nobody on: only if gu1 may not be asked again."""
    return any(
        row.sending != Sending.ADOPTED and row.sends >= world.sends_of(index) for index, row in enumerate(state.rows)
    )


def can_go_on(state: State) -> bool:
    """Each applicant has a page to go on at, or is at an end."""
    return all(
        row.stopped
        or (not is_alive(row.status) and row.correction != Correction.PENDING)
        or (row.sending == Sending.ADOPTED and state.sessions[row.adopted].is_alive)
        for row in state.rows
    )


HELPS = frozenset(
    {
        *("claims to look", "claims to send", "plans to send again", "closes what was stopped", "refreshes"),
        *("claims to recheck", "cancels what was left"),
        *("notes the sending", "sends the POST", "gets the answer", "saves the answer", "finds ours listed"),
        *("finds none of ours listed", "finds rows without metadata", "asks whether others are sending"),
        *("asks which ids are known", "adopts what it found", "notes that it found none", "gives up"),
        *("finds a twin", "cancels the twin", "a late POST arrives"),
        *("claims to correct", "gu1 changes the number", "gu1 keeps the number", "counts the verdict"),
        "replaces the record",
    }
)
"""What the runner and gu1 do by themselves if nothing fails; no webhook, no luck, no applicant."""
