"""A way through the model in words."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.state import NONE, Move, Row, Sending, Session, State

_WORKER = "worker {who} "
SENTENCES = {
    "claims to send": _WORKER + "claims {row} to ask for a validation",
    "claims to look": _WORKER + "claims {row} to look for what gu1 created",
    "claims to sweep": _WORKER + "claims {row} to sweep",
    "plans to send again": _WORKER + "claims {row} and plans to send again",
    "closes what was stopped": _WORKER + "cancels what {row} has at gu1, as it was stopped",
    "closes what was abandoned": _WORKER + "cancels at gu1 what {row} left, for a fresh start, and reads it back",
    "takes it for closed": _WORKER + "cancels at gu1 what {row} left, is refused, and does not read it back",
    "refreshes": _WORKER + "reads the adopted validation of {row}",
    "replaces what is not listed": _WORKER + "does not find the adopted validation of {row} listed and plans another",
    "notes the sending": _WORKER + "writes ahead that it sends",
    "sends the POST": _WORKER + "sends the POST",
    "cannot connect": _WORKER + "cannot connect, and notes that nothing was sent",
    "gets the answer": "gu1 creates {what} and answers worker {who}",
    "waits in vain": _WORKER + "gives up waiting; its POST is still on the way",
    "redirects from the answer": _WORKER + "sends the browser to {what}, out of the answer at hand",
    "saves the answer": _WORKER + "saves its answer: {what}",
    "loses the answer": _WORKER + "loses its answer, that gu1 created {what}",
    "finds ours listed": _WORKER + "finds {what} in gu1's list, with its nonce",
    "finds none of ours listed": _WORKER + "finds none with its nonce in gu1's list",
    "finds rows without metadata": _WORKER + "finds rows without metadata in gu1's list",
    "asks whether others are sending": _WORKER + "asks whether others are sending for the same person",
    "asks which ids are known": _WORKER + "asks which of them are known by their id",
    "adopts what it found": _WORKER + "adopts {what}, if it may",
    "notes that it found none": _WORKER + "notes that it found none",
    "finds a twin": _WORKER + "takes {what} for a twin that nobody needs",
    "cancels the twin": _WORKER + "cancels {what} at gu1",
    "claims to recheck": _WORKER + "claims {row} to look at its other attempts",
    "cancels what was left": _WORKER + "cancels at gu1 what is open of them, and reads them",
    "dies": _WORKER + "dies",
    "gives up": _WORKER + "gives up: there is nothing left to do",
    "is submitted": "the form is sent: {onboarding}",
    "is continued": "{onboarding} sends its applicant to {what}",
    "is stopped": "the applicant stops {onboarding}",
    "is invited again": "the partner invites the customer of {onboarding} again",
    "is confirmed by RENAPER": "RENAPER confirms the approval of {what}",
    "is approved after all": "a reviewer at gu1 approves {what} after all",
    "is taken back": "gu1 takes the approval of {what} back",
    "gives the number again": "the applicant of {onboarding} gives the document number once more",
    "claims to correct": _WORKER + "claims {row} to have gu1 correct the number",
    "gu1 changes the number": "gu1 changes the number of {row} and answers worker {who}",
    "the change is not answered": "gu1 changes the number of {row}, and worker {who} gets no answer",
    "gu1 keeps the number": "gu1 keeps the number of {row}, which worker {who} sees",
    "takes a lost answer for a no": "gu1 changes the number of {row}, but worker {who} takes the lost answer for a no",
    "takes the answer for a change": "gu1 keeps the number of {row}, but worker {who} takes its answer for a change",
    "counts the verdict": _WORKER + "lets the verdict of {row} count",
    "replaces the record": _WORKER + "gives {row} a new record and a new validation",
    "is retried": "the applicant retries {onboarding}",
    "is completed": "somebody completes {what}, and it is paid",
    "is abandoned": "somebody leaves {what} half done",
    "ends unpaid": "{what} expires or is cancelled at gu1",
    "a late POST arrives": "a late POST reaches gu1, which creates {what}",
    "another system creates": "another system creates {what} for the same person",
    "webhook tells": "a webhook tells {onboarding} how {what} stands",
    "late webhook tells of its creation": "a webhook tells {onboarding} late that {what} was created",
    "late webhook tells of its rejection": "a webhook tells {onboarding} late that {what} was rejected",
}


def narrate(way: list[Move]) -> list[str]:
    """A line for each step, and what is then."""
    steps = [
        SENTENCES[move.name].format(
            who="ABC"[move.who] if "{who}" in SENTENCES[move.name] else "",
            row=_onboarding(move.what),
            what=_session(move.what),
            onboarding=_onboarding(move.who),
        )
        for move in way
    ]
    numbered = [f"{number:>3}. {step}" for number, step in enumerate(steps, 1)]
    return numbered + [f"     {line}" for line in _then(way[-1].after)] if way else numbered


def _then(state: State) -> Iterator[str]:
    for index, row in enumerate(state.rows):
        yield f"→ {_onboarding(index)}: {_row(row)}"
    for index, session in enumerate(state.sessions):
        yield f"→ {_session(index)}: {_asked_for(session)}, {session.status}{_shown(session)}"


def _row(row: Row) -> str:
    adopted = _session(row.adopted) if row.adopted != NONE else "none"
    known = f", known as {row.status}" if row.sending == Sending.ADOPTED else ""
    known += f", stopped, told as {row.told}{', vouched for' * row.vouched}" if row.stopped else ""
    return f"number {row.number} {row.sending} ({row.sends} sent), adopted: {adopted}{known}"


def _asked_for(session: Session) -> str:
    if session.row == NONE:
        return "another system's"
    return f"asked for by {_onboarding(session.row)}, number {session.number}"


def _shown(session: Session) -> str:
    return f", shown by {_onboarding(session.shown_by)}" if session.shown_by != NONE else ""


def _onboarding(index: int) -> str:
    return f"onboarding {index + 1}"


def _session(index: int) -> str:
    return f"v{index + 1}"
