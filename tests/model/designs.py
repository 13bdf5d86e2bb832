"""What can be switched: the parts of the protocol, and the world that it has to live in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Guard(Enum):
    """What a worker's write is checked against."""

    FENCE = auto()
    LEASE = auto()
    """Whether some lease still runs: a worker that was halted takes another's for its own."""
    NOTHING = auto()


class Sweep(Enum):
    """Which open validations are cancelled, if nobody has adopted them."""

    OFF = auto()
    SETTLED = auto()
    """Those asked for under a nonce that has its adopted one, or whose applicant stopped everything."""
    OURS = auto()
    """Those of any nonce of the onboarding, also of one that is being asked for right now."""
    ENTITY = auto()
    """All of the entity but the one that was adopted when the sweeper claimed the onboarding."""


class Guess(Enum):
    """When a row without metadata is taken for our own."""

    NEVER = auto()
    ALWAYS = auto()
    NONE_SENT = auto()
    """While no other onboarding of the entity waits for an answer at this moment."""
    ALL_ANSWERED = auto()
    """While no other onboarding of the entity ever sent more often than it adopted."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """The protocol as it should be; a broken one differs in one field or two."""

    guard: Guard = Guard.FENCE
    write_ahead: bool = True
    reconcile: bool = True
    gate: bool = True
    """The browser is given the adopted validation's URL, not the one in the answer at hand."""
    adopts_once: bool = True
    resend_spares_adopted: bool = True
    keeps_missing: bool = True
    """Off: an adopted validation that gu1's list leaves out once is replaced."""
    keeps_abandoned: bool = True
    reads_back: bool = True
    """Off: a fresh start believes that gu1 closed the abandoned validation, without asking whether it did."""
    forward_only: bool = True
    one_per_submission: bool = True
    newest_counts: bool = True
    """Off: gu1's word about a verdict counts, however old it is."""
    heeds_earlier: bool = True
    """Off: gu1's word about an earlier attempt is ignored."""
    closes_left: bool = True
    """Off: the attempt that is left for an earlier one that was approved stays open at gu1."""
    looks_for_another: bool = True
    """Off: after an approval was taken back, nobody asks whether gu1 approved another attempt."""
    resumes_left: bool = True
    """Off: a retry opens another one beside it, if it is open still."""
    repeats_lost_change: bool = True
    """Off: a change of the number whose answer is lost counts as refused."""
    reads_record: bool = True
    """Off: a good answer counts as a changed number, without a look at the record."""
    stop_outlives_verdict: bool = True
    """Off: a verdict that comes after a stop is told instead of it."""
    stop_forbids_vouching: bool = True
    """Off: an approval that was stopped here counts for the customer's next onboarding, as gu1 says."""
    sweep: Sweep = Sweep.SETTLED
    guess: Guess = Guess.NEVER
    others_before_known: bool = True
    """In a guess: first whether another is sending, then which ids are known."""
    unique_ids: bool = True
    """The database refuses one id of gu1 to two onboardings."""
    looks: int = 2
    """Empty ones, before it is sent again."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What may happen, and how much of it."""

    workers: int = 2
    sends: int = 2
    """How often one validation is asked for at most."""
    sends_of_second: int | None = None
    """The same for the second onboarding, where that differs."""
    numbers: int = 1
    """Validations that an onboarding may open one after the other."""
    onboardings: int = 1
    """Of the same person, so on the same entity; each an intent of its own."""
    submits: int = 0
    """How often one form is sent, where the onboarding is not there from the beginning."""
    strangers: int = 0
    """Validations that another system of the operator's creates on the entity."""
    webhooks: bool = True
    stale_lists: bool = False
    shows_metadata: bool = True
    abandons: bool = False
    """People leave the hosted page, and come back."""
    restarts: bool = False
    """Of what they left, people also ask for a fresh start; gu1 may or may not close it for that."""
    stops: bool = False
    renaper: bool = False
    """gu1 approves, and RENAPER answers later; a partner asks how it stands, and invites the customer again."""
    overturns: bool = False
    """gu1 rejects, approves after all, and takes the approval back; a partner asks and invites like above."""
    corrections: bool = False
    """The number was mistyped: the first verdict is held, until the person gives the number once more."""
    is_reduced: bool = True
    """Left out is what changes nothing: a worker that can reach nobody any more, an unneeded twin's end."""
    punctual: bool = False
    """Answers get lost and workers die, but nothing is late: no lease runs out under a living worker, and no
    request arrives after its sender gave up."""

    @property
    def tells(self) -> bool:
        """Whether it matters what the doors say."""
        return self.renaper or self.overturns

    def sends_of(self, onboarding: int) -> int:
        return self.sends_of_second if onboarding and self.sends_of_second else self.sends
