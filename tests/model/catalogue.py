"""The designs that are tried, each in the smallest world that shows what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.model import laws
from tests.model.designs import Design, Guard, Guess, Sweep, World
from tests.model.search import Protocol, Search

FULL = Design()
GUESSING = replace(FULL, guess=Guess.ALL_ANSWERED)
RETRIES = World(numbers=2)
STALE_RETRIES = World(numbers=2, stale_lists=True)
PUNCTUAL = World(punctual=True)
ALL_AT_ONCE = World(workers=3, sends=3, stale_lists=True, stops=True, abandons=True)
RENAPER = World(stops=True, renaper=True)
OVERTURNS = World(sends=1, numbers=2, stops=True, overturns=True)
OVERTURNS_AND_RETRIES = World(workers=1, sends=1, numbers=3, overturns=True, punctual=True)
CORRECTIONS = World(corrections=True)
NO_METADATA = World(onboardings=2, sends_of_second=1, shows_metadata=False)
"""No webhook is known by its nonce then either."""


@dataclass(frozen=True)
class Case:
    name: str
    design: Design
    world: World
    law: str | None = None
    """The one that it breaks."""
    steps: int = 0
    """Of the shortest way to break it."""
    also: tuple[laws.StateLaw, ...] = ()

    def __str__(self) -> str:
        return self.name.strip("… ")

    @property
    def protocol(self) -> Protocol:
        return Protocol(self.design, self.world)

    def search(self) -> Search:
        return Search(self.protocol, until=self.law, also=self.also).run()


def _broken(name: str, world: World, law: Callable[..., bool], steps: int, **parts: object) -> Case:
    also = (law,) if law in {laws.one_is_created_per_nonce, laws.no_strangers_is_adopted} else ()
    return Case(name, replace(FULL, **parts), world, law.__name__, steps, also)


HOLD = [
    Case("full design", FULL, World(sends=3, stops=True)),
    Case("… and a retry, lists may be stale", FULL, STALE_RETRIES),
    Case("… and a retry, no webhooks", FULL, replace(RETRIES, webhooks=False)),
    Case("… people come back to what they left", FULL, World(sends=3, abandons=True)),
    Case("… people start anew", FULL, World(numbers=2, abandons=True, restarts=True, webhooks=False)),
    Case("… three workers, stale lists, all at once", FULL, ALL_AT_ONCE),
    Case("… nothing is late", FULL, World(sends=3, numbers=2, punctual=True), also=(laws.one_is_created_per_nonce,)),
    Case("… the same form sent twice", FULL, World(submits=2)),
    Case("… RENAPER answers late, and people stop", FULL, RENAPER),
    Case("… reviewers overturn verdicts, and people stop", FULL, OVERTURNS),
    Case("… and a second retry", FULL, OVERTURNS_AND_RETRIES),
    Case("… numbers are mistyped and corrected", FULL, CORRECTIONS),
    Case("… no metadata, so it guesses", GUESSING, NO_METADATA),
]
"""In each of their states all laws hold."""

HARMLESS = [
    Case("without a sweeper", replace(FULL, sweep=Sweep.OFF), World(sends=3, stops=True)),
    Case("one empty look is enough", replace(FULL, looks=1), World(sends=3, stops=True)),
    Case("repeats at once, behind the gate", replace(FULL, reconcile=False), World(sends=3, stops=True)),
    Case("no fence, no retry either", replace(FULL, guard=Guard.NOTHING), World(stops=True)),
    Case("a lease for a fence, no retry either", replace(FULL, guard=Guard.LEASE), World(stops=True)),
    Case("guesses never", FULL, World(sends=3, shows_metadata=False)),
    Case("ids known before others asked", replace(GUESSING, others_before_known=False), replace(NO_METADATA, sends=1)),
    Case("ids not unique", replace(GUESSING, unique_ids=False), replace(NO_METADATA, sends=1)),
]
"""Weaker, and yet no law is broken: another part holds as well."""

_PAID = laws.at_most_one_is_paid
_OWN = laws.the_adopted_is_its_own
_SPARES = laws.a_sweep_spares_what_is_used
_UNFENCED = {"guard": Guard.NOTHING, "adopts_once": False}

BROKEN = [
    _broken("repeats at once, redirects from the answer", World(), _PAID, 13, gate=False, reconcile=False),
    _broken("redirects from the answer", World(), _PAID, 18, gate=False),
    _broken("… and shows what nobody adopted", World(), laws.only_the_adopted_is_shown, 5, gate=False),
    _broken("reconciles, and nothing else", World(), _PAID, 18, gate=False, **_UNFENCED),
    _broken("saves without a fence", World(), _PAID, 20, **_UNFENCED),
    _broken("no fence, but adopts once", RETRIES, _OWN, 10, guard=Guard.NOTHING),
    _broken("trusts the lease", World(), _PAID, 20, guard=Guard.LEASE, adopts_once=False),
    _broken("trusts the lease, but adopts once", RETRIES, _OWN, 10, guard=Guard.LEASE),
    _broken("webhook replaces the adopted one", World(), _PAID, 20, adopts_once=False),
    _broken("replaces the abandoned", replace(RETRIES, abandons=True), _PAID, 17, keeps_abandoned=False),
    _broken(
        *("starts anew without reading back", replace(RETRIES, abandons=True, restarts=True), _PAID, 18),
        reads_back=False,
    ),
    _broken("replaces what a list left out", World(stale_lists=True), _PAID, 15, keeps_missing=False),
    _broken("one form, two onboardings", World(submits=2, sends=1), _PAID, 16, one_per_submission=False),
    _broken("no write-ahead", PUNCTUAL, laws.one_is_created_per_nonce, 7, write_ahead=False),
    _broken("repeats at once", PUNCTUAL, laws.one_is_created_per_nonce, 9, reconcile=False),
    _broken("late news overwrite", World(), laws.what_is_final_stays, 7, forward_only=False),
    _broken("resends the adopted", World(), laws.what_is_adopted_stays, 11, resend_spares_adopted=False),
    _broken("… and gets stuck", World(sends=3), laws.nobody_is_stuck, 16, resend_spares_adopted=False),
    _broken("… and forgets a stop", World(stops=True), laws.what_is_not_over_is_due, 12, resend_spares_adopted=False),
    _broken("a verdict replaces a stop", RENAPER, laws.a_stop_wins, 10, stop_outlives_verdict=False),
    _broken("a stopped approval vouches", RENAPER, laws.a_stop_wins, 10, stop_forbids_vouching=False),
    _broken("an older word replaces the newer", OVERTURNS, laws.what_is_final_stays, 10, newest_counts=False),
    _broken("ignores earlier attempts", OVERTURNS, laws.gu1s_newest_word_counts, 11, heeds_earlier=False),
    _broken("leaves the other attempt open", OVERTURNS, laws.only_the_adopted_is_shown, 17, closes_left=False),
    _broken("asks for no other approval", OVERTURNS, laws.an_approval_counts, 22, looks_for_another=False),
    _broken(
        *("opens another beside the one it left", OVERTURNS_AND_RETRIES, laws.one_is_open_to_its_applicant, 26),
        resumes_left=False,
    ),
    _broken(
        *("takes a lost answer for a refusal", CORRECTIONS, laws.a_corrected_verdict_is_paid_once, 19),
        repeats_lost_change=False,
    ),
    _broken(
        *("takes a good answer for a change", CORRECTIONS, laws.a_verdict_counts_on_the_right_record, 12),
        reads_record=False,
    ),
    _broken("sweeps what is being asked for", RETRIES, _SPARES, 24, sweep=Sweep.OURS),
    _broken("sweeps by entity", RETRIES, _SPARES, 24, sweep=Sweep.ENTITY),
    _broken("guesses whoever else sends", NO_METADATA, _OWN, 12, guess=Guess.ALWAYS),
    _broken("guesses unless another waits right now", NO_METADATA, _OWN, 17, guess=Guess.NONE_SENT),
    _broken(
        *("ids known before others asked, and not unique", replace(NO_METADATA, sends=1), _OWN, 13),
        guess=Guess.ALL_ANSWERED,
        others_before_known=False,
        unique_ids=False,
    ),
    _broken(
        *("guesses beside another system", World(shows_metadata=False, strangers=1), laws.no_strangers_is_adopted, 8),
        guess=Guess.ALL_ANSWERED,
    ),
]
"""Each with the law that it breaks, and in how few steps."""
