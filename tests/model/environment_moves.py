"""What everybody else does: the network, gu1, its webhooks, and people."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.claims import Claims
from tests.model.correction_moves import Corrections
from tests.model.designs import Design, World
from tests.model.rules import observed, retried
from tests.model.state import NONE, Move, Row, Sending, Session, State, Status, is_alive, is_final


class EnvironmentMoves:
    def __init__(self, design: Design, world: World) -> None:
        self._design = design
        self._world = world
        self._corrections = Corrections(design, Claims(design, world))

    def moves(self, state: State) -> Iterator[Move]:
        yield from self._arrivals(state)
        for index, session in enumerate(state.sessions):
            if session.is_alive:
                yield from self._ends(state, index, session)
            elif session.status == Status.CONFIRMING:
                answered = state.with_session(index, status=Status.JUDGED)
                yield Move("is confirmed by RENAPER", NONE, index, answered)
            elif self._world.overturns:
                yield from self._overturns(state, index, session)
            if self._world.webhooks:
                yield from self._webhooks(state, index, session)
        for index, row in enumerate(state.rows):
            if not row.stopped:
                yield from self._applicant(state, index, row)
                if self._world.corrections:
                    yield from self._corrections.given_again(state, index, row)
            elif self._world.tells:
                yield from self._invited_again(state, index, row)
        if len(state.rows) < self._world.submits and not (state.rows and self._design.one_per_submission):
            yield Move("is submitted", len(state.rows), NONE, state._replace(rows=(*state.rows, Row())))

    def _arrivals(self, state: State) -> Iterator[Move]:
        new = len(state.sessions)
        for nonce in set(state.posts):
            left = list(state.posts)
            left.remove(nonce)
            after = state._replace(posts=tuple(left)).with_new(Session(*nonce))
            yield Move("a late POST arrives", nonce[0], new, after)
        if sum(it.row == NONE for it in state.sessions) < self._world.strangers:
            yield Move("another system creates", NONE, new, state.with_new(Session(NONE, 0)))

    def _ends(self, state: State, index: int, session: Session) -> Iterator[Move]:
        if self._matters(state, index, session):
            yield Move("ends unpaid", NONE, index, state.with_session(index, status=Status.ENDED))
        if session.shown_by == NONE:
            return
        verdict = Status.CONFIRMING if self._world.renaper else Status.JUDGED
        yield Move("is completed", session.shown_by, index, state.with_session(index, status=verdict))
        if self._world.abandons and session.status == Status.OPEN:
            after = state.with_session(index, status=Status.ABANDONED)
            yield Move("is abandoned", session.shown_by, index, after)

    def _overturns(self, state: State, index: int, session: Session) -> Iterator[Move]:
        if session.status == Status.JUDGED:
            after = state.with_session(index, status=Status.APPROVED)
            yield Move("is approved after all", NONE, index, after)
        elif session.status == Status.APPROVED:
            after = state.with_session(index, status=Status.TAKEN_BACK)
            yield Move("is taken back", NONE, index, after)

    def _invited_again(self, state: State, index: int, row: Row) -> Iterator[Move]:
        """While gu1 has an approval."""
        approved = Status.APPROVED if self._world.overturns else Status.JUDGED
        for session in (row.adopted, *(other.session for other in row.others)):
            if session != NONE and state.sessions[session].status == approved:
                again = state.with_row(index, vouched=not self._design.stop_forbids_vouching)
                yield Move("is invited again", index, session, again)

    def _matters(self, state: State, index: int, session: Session) -> bool:
        """Adopted, or still adoptable. A twin that can never be shown may as well stay: an open one is the worse."""
        if not self._world.is_reduced:
            return True
        if session.row == NONE or state.adopters(index):
            return bool(state.adopters(index))
        row = state.rows[session.row]
        return row.adopted == NONE and row.number == session.number

    def _webhooks(self, state: State, index: int, session: Session) -> Iterator[Move]:
        """What is so now, or was at the creation and comes late; known by the id, else by the nonce."""
        known = state.adopters(index)
        if not known and (session.row == NONE or not self._world.shows_metadata):
            return
        at = known[0] if known else session.row
        row = state.rows[at]
        if not known and row.number != session.number:
            return
        if not known and row.adopted != NONE and self._design.adopts_once:
            return  # of a twin, and that a sweep will come is known since the second sending
        now = observed(state, at, index, session.status, self._design, by_nonce=True)
        yield Move("webhook tells", at, index, now)
        if session.status != Status.OPEN:
            late = observed(state, at, index, Status.OPEN, self._design, by_nonce=True)
            yield Move("late webhook tells of its creation", at, index, late)
        if session.status in {Status.APPROVED, Status.TAKEN_BACK}:
            late = observed(state, at, index, Status.JUDGED, self._design, by_nonce=True)
            yield Move("late webhook tells of its rejection", at, index, late)

    def _applicant(self, state: State, index: int, row: Row) -> Iterator[Move]:
        if self._world.stops and not is_final(row.status):
            yield Move("is stopped", index, NONE, state.with_row(index, stopped=True, due=True))
        if row.sending != Sending.ADOPTED:
            return
        session = state.sessions[row.adopted]
        if is_alive(row.status) and session.is_alive and session.shown_by == NONE:
            after = state.with_session(row.adopted, shown_by=index, shown_for=row.intent)
            yield Move("is continued", index, row.adopted, after)
        replaced = {Status.JUDGED, Status.TAKEN_BACK, Status.ENDED}
        if not self._design.keeps_abandoned:
            replaced.add(Status.ABANDONED)
        if row.status in replaced and row.opened < self._world.numbers:
            fresh = retried(row, self._design, keeps_others=self._world.overturns)
            rows = (*state.rows[:index], fresh, *state.rows[index + 1 :])
            yield Move("is retried", index, NONE, state._replace(rows=rows))
