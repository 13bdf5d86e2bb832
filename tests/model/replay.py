"""Takes the model's moves on the bench, and compares what is then."""

from __future__ import annotations

from datetime import timedelta

from portal.domain.errors import NotSent
from portal.domain.name_match import name_of
from portal.domain.reasons import Reason
from portal.domain.status import Status
from portal.domain.validation import CreationState, DoubleCheck, Listing
from portal.services.reconciliation import MAX_SENDS
from tests.model import correction_replay
from tests.model import state as model
from tests.model.services_bench import LOST, PACE, VERIFIED
from tests.model.state import NONE, Step

OUTLIVED = timedelta(seconds=PACE.lease + 10)
TAKEN_BACK = Reason.DOCUMENT_EXPIRED
_STATUSES = {
    Status.PENDING: model.Status.OPEN,
    Status.ABANDONED: model.Status.ABANDONED,
    Status.APPROVED: model.Status.JUDGED,
    Status.REJECTED: model.Status.JUDGED,
    Status.EXPIRED: model.Status.ENDED,
    Status.CANCELLED: model.Status.ENDED,
}


def _status(row, world):
    """Of a validation here or at gu1."""
    if world.overturns and row.status is Status.APPROVED:
        return model.Status.APPROVED
    if row.status is Status.REJECTED and row.reason is TAKEN_BACK:
        return model.Status.TAKEN_BACK
    is_confirming = row.status is Status.APPROVED and row.double_check is DoubleCheck.UNANSWERED
    return model.Status.CONFIRMING if is_confirming else _STATUSES[row.status]


class Replay:
    def __init__(self, bench, start, world):
        self.state = start
        self.bench = bench
        self._world = world
        self.processes = {}
        self._late = []
        """Nonces of requests that gu1 may still get."""
        self._numbers = {}
        """Nonce → number."""
        self._shown = set()
        self._vouched = False
        self._onboarding = bench.onboarding
        self._note_nonce()

    def is_for_now(self, move):
        """The model leaves open when a sweep comes; the runner has its hour, and then it comes first.

        And smaller worlds give up sending before the engine does.
        """
        onboarding = self._onboarding
        if move.name == "claims to sweep":
            return onboarding.sweep_at is not None
        if onboarding.recheck_at and move.name.startswith(("claims to", "refreshes", "closes")):
            return move.name == "claims to recheck"
        if move.name in {"refreshes", "closes what was stopped"} and onboarding.sweep_at:
            return onboarding.sweep_at > self._moment(onboarding.due_at) + OUTLIVED
        if move.name == "notes that it found none":
            return self.state.rows[0].sends < self._world.sends or self._world.sends == MAX_SENDS
        return True

    def take(self, move):
        assert move.name in _DO, "the services cannot do that"
        before, self.state = self.state, move.after
        _DO[move.name](self, move)
        self._let_losers_finish(before, move)
        self._onboarding = self.bench.onboarding
        self._note_nonce()
        self._compare()

    def _compare(self):
        """What the database and gu1 hold, beside what the model says that they do."""
        real, expected = self._onboarding, self.state.rows[0]
        validation = real.validation
        seen = {
            "number": validation.number,
            "sending": validation.creation_state.value,
            "sends": validation.sends,
            "looks": validation.empty_looks if validation.creation_state is CreationState.SENT else 0,
            "adopted": self.bench.ledger.number(validation.gu1_id) if validation.gu1_id else NONE,
            "status": _status(validation, self._world),
            "correction": real.correction.value if real.correction else model.Correction.NONE,
            "rechecks": real.recheck_at is not None,
            "stopped": real.stopped_at is not None,
            "vouched": self._vouched,
            # Where all is over, the next sweep or recheck is still to come, or a look at what was stopped meanwhile.
            "due": real.due_at is not None
            and (expected.due or not (real.sweep_at or real.recheck_at or real.stopped_at)),
        }
        if self._world.overturns:
            seen["others"] = tuple(
                model.Attempt(it.number, self.bench.ledger.number(it.gu1_id), _status(it, self._world))
                for it in self.bench.onboardings.other_attempts(self.bench.id)
            )
        assert seen == {name: getattr(expected, name) for name in seen}
        assert [_status(row, self._world) for row in self.bench.ledger.rows] == [
            it.status for it in self.state.sessions
        ]
        if expected.stopped:
            assert self.bench.doors == {expected.told if self._world.tells else model.CANCELLED}
        assert self._shown == {number for number, it in enumerate(self.state.sessions) if it.shown_by != NONE}

    def _moment(self, due_at):
        """When it is due and every earlier lease has run out."""
        return max(self.bench.clock() + OUTLIVED, due_at)

    def _claim(self, move):
        onboarding = self._onboarding
        process = self.processes[move.who] = self.bench.process()
        process.claim(self._moment(onboarding.sweep_at if move.name == "claims to sweep" else onboarding.due_at))

    def _take_whole_step(self, move):
        self._claim(move)
        self._finish(move)

    def _finish(self, move):
        self.processes.pop(move.who).finish()

    def _adopt(self, move):
        process, found = self.processes[move.who], self.bench.ledger.rows[move.what]
        if found not in process.held.rows:  # it changed since; the model takes it as it is now
            process.held = Listing([found], is_whole=True)
        self._finish(move)

    def _note_sending(self, move):
        process = self.processes[move.who]
        process.start()
        while process.call[0] != "create_validation":  # where the entity is new too
            process.answer(self.bench.ledger.answer(process.call))

    def _send(self, move):
        assert self.processes[move.who].call, "it did not write ahead"
        if move.after.workers[move.who].step == Step.IDLE:  # a claim lost long ago
            self._wait_in_vain(move)

    def _wait_in_vain(self, move):
        self._late.append(self.processes[move.who].call[1])
        self._lose(move)

    def _lose(self, move):
        self.processes.pop(move.who).answer(LOST)

    def _cannot_connect(self, move):
        self.processes.pop(move.who).answer(NotSent("no connection"))

    def _create(self, move):
        process = self.processes[move.who]
        process.held = self.bench.ledger.create(process.call[1])

    def _list(self, move):
        process, rows = self.processes[move.who], self.bench.ledger.rows[::-1]
        process.start()
        if self._world.stale_lists:
            rows = [] if move.what == NONE else [self.bench.ledger.rows[move.what]]
        process.held = Listing(rows, is_whole=True)

    def _find_twin(self, move):
        process, twin = self.processes[move.who], self.bench.ledger.rows[move.what]
        process.start()
        process.answer(Listing([twin], is_whole=True))
        assert process.call == ("cancel_validation", twin.gu1_id)

    def _die(self, move):
        process = self.processes.pop(move.who)
        if len(self.state.posts) > len(self._late):
            self._late.append(process.call[1])
        process.die()

    def _arrive(self, move):
        number = self.state.sessions[move.what].number
        nonce = next(it for it in self._late if self._numbers[it] == number)
        self._late.remove(nonce)
        self.bench.ledger.create(nonce)

    def _continue(self, move):
        url = self.bench.onboardings.open_hosted_page(self.bench.id)
        assert url == self.bench.ledger.rows[move.what].session_url
        self._shown.add(move.what)

    def _hear(self, move):
        seen = self.bench.ledger.rows[move.what]
        if move.name == "late webhook tells of its creation":
            seen = self.bench.ledger.history[move.what][0]
        if move.name == "late webhook tells of its rejection":
            seen = next(it for it in self.bench.ledger.history[move.what] if it.status is Status.REJECTED)
        onboardings = self.bench.onboardings
        assert onboardings.observe(seen) or onboardings.adopt(seen)

    def _become(self, status, double_check=None, reason=None):
        return lambda move: self.bench.ledger.becomes(move.what, status, double_check, reason)

    def _complete(self, move):
        if self._world.corrections:
            name = name_of("ANA", "NUNEZ")
            self.bench.ledger.becomes(move.what, Status.APPROVED, document_number=VERIFIED, name=name)
            return
        outcome = (Status.APPROVED, DoubleCheck.UNANSWERED) if self._world.renaper else (Status.REJECTED,)
        self._become(*outcome)(move)

    def _invite_again(self, move):
        self._vouched = self.bench.vouches(move.what)

    def _stop(self, _):
        self.bench.onboardings.stop(self.bench.id)

    def _retry(self, _):
        self.bench.onboardings.retry(self.bench.id, after_attempt=self._onboarding.validation_number)

    def _let_losers_finish(self, before, move):
        """Whoever lost its claim goes on with its step all the same, and must not be able to write."""
        for index, (old, new) in enumerate(zip(before.workers, move.after.workers, strict=True)):
            if old.step == Step.IDLE or new.step != Step.IDLE or index not in self.processes:
                continue
            process = self.processes.pop(index)
            if old.step == Step.WAIT:
                self._late.append(process.call[1])
            process.finish()

    def _note_nonce(self):
        validation = self._onboarding.validation
        self._numbers[validation.nonce] = validation.number


_DO = {
    **correction_replay.MOVES,
    **dict.fromkeys(["claims to send", "claims to look", "claims to sweep", "claims to recheck"], Replay._claim),
    "claims to correct": Replay._claim,
    **dict.fromkeys(["refreshes", "closes what was stopped"], Replay._take_whole_step),
    **dict.fromkeys(["saves the answer", "notes that it found none"], Replay._finish),
    **dict.fromkeys(["cancels the twin", "cancels what was left", "gives up"], Replay._finish),
    **dict.fromkeys(["finds ours listed", "finds none of ours listed"], Replay._list),
    **dict.fromkeys(["webhook tells", "late webhook tells of its creation"], Replay._hear),
    "late webhook tells of its rejection": Replay._hear,
    "adopts what it found": Replay._adopt,
    "notes the sending": Replay._note_sending,
    "sends the POST": Replay._send,
    "cannot connect": Replay._cannot_connect,
    "gets the answer": Replay._create,
    "waits in vain": Replay._wait_in_vain,
    "loses the answer": Replay._lose,
    "finds a twin": Replay._find_twin,
    "dies": Replay._die,
    "a late POST arrives": Replay._arrive,
    "is continued": Replay._continue,
    "is stopped": Replay._stop,
    "is retried": Replay._retry,
    "is invited again": Replay._invite_again,
    "is completed": Replay._complete,
    "is confirmed by RENAPER": lambda it, move: it._become(Status.APPROVED, DoubleCheck.ANSWERED)(move),
    "is approved after all": lambda it, move: it._become(Status.APPROVED)(move),
    "is taken back": lambda it, move: it._become(Status.REJECTED, reason=TAKEN_BACK)(move),
    "is abandoned": lambda it, move: it._become(Status.ABANDONED)(move),
    "ends unpaid": lambda it, move: it._become(Status.CANCELLED)(move),
}
