"""The applicant's possible journeys and their expected ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from e2e.bench.matrix.person import Act, Person
from portal.domain.reasons import Reason
from portal.services.operator_actions import Operator

OPERATOR = Operator("ana", "as the fault matrix does")
OUTDATED = "RENAPER_TRAMITE_ID_NOT_MATCH"
MAX_ATTEMPTS = 3
"""The default setting, which the rig keeps."""


@dataclass(frozen=True, kw_only=True)
class Journey:
    name: str
    walk: Act
    ends: str
    variant: Mapping[str, Any] = field(default_factory=dict)
    """Options of the mock."""
    overrules_gu1: bool = False
    """An operator of the portal decides otherwise than gu1."""


def _to_hosted_page(person: Person) -> str:
    person.waits_for("ready")
    return person.opens()


def _approved(person: Person) -> None:
    person.chooses("approve", _to_hosted_page(person))
    person.waits_for("approved")


def _approve(person: Person) -> None:
    person.sends_form()
    _approved(person)


def _retry(person: Person) -> None:
    person.sends_form()
    person.chooses(OUTDATED, _to_hosted_page(person))
    person.waits_for("rejected")
    person.presses("retry")
    _approved(person)


def _taken_back(person: Person) -> None:
    person.sends_form()
    person.chooses(OUTDATED, _to_hosted_page(person))
    person.waits_for("rejected")


def _review(person: Person) -> None:
    person.sends_form()
    person.chooses("review", _to_hosted_page(person))
    person.waits_for("in_review")
    person.decides("approve")
    person.waits_for("approved")


def _leave(person: Person) -> None:
    person.sends_form()
    session = _to_hosted_page(person)
    person.chooses("abandon", session)
    person.waits_for("abandoned")
    person.chooses("approve", person.opens())
    person.waits_for("approved")


def _stop_early(person: Person) -> None:
    person.sends_form()
    person.hangs_on()
    _stopped(person)


def _stop_ready(person: Person) -> None:
    person.sends_form()
    person.waits_for("ready")
    _stopped(person)


def _stop_late(person: Person) -> None:
    person.sends_form()
    _to_hosted_page(person)
    _stopped(person)


def _stopped(person: Person) -> None:
    person.presses("stop")
    person.waits_for("cancelled")


def _stop_during_renaper(person: Person) -> None:
    person.sends_form()
    person.chooses("approve", _to_hosted_page(person))
    person.waits_for("confirming")
    person.is_about_to("ending")
    _stopped(person)


def _rejected_by_reviewer(person: Person) -> None:
    person.sends_form()
    person.chooses("review", _to_hosted_page(person))
    person.waits_for("in_review")
    person.is_about_to("ending")
    person.decides("reject")
    person.waits_for("rejected")
    person.has_no_button("retry")


def _overturned(person: Person) -> None:
    person.sends_form()
    person.chooses(OUTDATED, _to_hosted_page(person))
    person.waits_for("rejected")
    person.presses("retry")
    _to_hosted_page(person)
    person.is_about_to("ending")
    person.decides("approve", attempt=1)
    person.waits_for("approved")


def _registry_outage(person: Person) -> None:
    person.sends_form()
    session = _to_hosted_page(person)
    person.is_about_to("ending")
    person.chooses("RENAPER_VERIFICATION_UNAVAILABLE", session)
    person.waits_for("rejected")


def _lost_entity(person: Person) -> None:
    person.sends_form()
    person.chooses(OUTDATED, _to_hosted_page(person))
    person.waits_for("rejected")
    person.loses_entity()
    person.is_about_to("ending")
    person.presses("retry")
    _approved(person)


def _fresh_start(person: Person) -> None:
    person.sends_form()
    person.chooses("abandon", _to_hosted_page(person))
    person.waits_for("abandoned")
    person.is_about_to("ending")
    person.presses("retry")
    _approved(person)


def _held(person: Person) -> None:
    person.sends_form()
    person.chooses("approve-somebody-else", _to_hosted_page(person))
    person.waits_for("in_review")
    person.is_about_to("ending")


def _released(person: Person) -> None:
    _held(person)
    person.asks_operator(lambda actions, it: actions.release(it, OPERATOR))
    person.waits_for("approved")


def _rejected_by_operator(person: Person) -> None:
    _held(person)
    person.asks_operator(lambda actions, it: actions.reject(it, OPERATOR, Reason.NOT_ELIGIBLE))
    person.waits_for("rejected")


def _cancelled_by_operator(person: Person) -> None:
    person.sends_form()
    _to_hosted_page(person)
    person.is_about_to("ending")
    person.asks_operator(lambda actions, it: actions.cancel(it, OPERATOR))
    person.waits_for("cancelled")


def _mistyped(person: Person) -> None:
    person.sends_form()
    person.chooses("approve-mistyped", _to_hosted_page(person))
    person.waits_for("in_review")
    person.is_about_to("ending")
    person.corrects_number()


def _corrected(person: Person) -> None:
    _mistyped(person)
    person.waits_for("approved")
    person.has_cost(1)


def _replaced(person: Person) -> None:
    _mistyped(person)
    _approved(person)
    person.has_cost(2)


def _used_up(person: Person) -> None:
    """Whoever used up the attempts starts anew, and is let through by an operator only."""
    person.sends_form()
    for _ in range(MAX_ATTEMPTS - 1):
        person.chooses(OUTDATED, _to_hosted_page(person))
        person.waits_for("rejected")
        person.presses("retry")
    person.chooses(OUTDATED, _to_hosted_page(person))
    person.waits_for("closed")
    person.is_about_to("ending")
    person.sends_form()
    person.waits_for("closed")
    person.has_cost(MAX_ATTEMPTS)
    person.asks_operator(lambda actions, it: actions.allow_attempt(it, OPERATOR))
    _approved(person)
    person.has_cost(MAX_ATTEMPTS + 1)


JOURNEYS = {
    journey.name: journey
    for journey in (
        Journey(name="approve", walk=_approve, ends="approved"),
        Journey(name="retry", walk=_retry, ends="approved"),
        Journey(
            name="taken back", walk=_taken_back, ends="rejected", variant={"renaper": "two_steps", "renaper_delay": 0.4}
        ),
        Journey(name="review", walk=_review, ends="approved"),
        Journey(name="leave", walk=_leave, ends="approved"),
        Journey(name="stop early", walk=_stop_early, ends="cancelled"),
        Journey(name="stop ready", walk=_stop_ready, ends="cancelled"),
        Journey(name="stop late", walk=_stop_late, ends="cancelled"),
        Journey(
            name="stopped during RENAPER", walk=_stop_during_renaper, ends="cancelled", variant={"renaper": "silent"}
        ),
        Journey(name="rejected by a reviewer", walk=_rejected_by_reviewer, ends="rejected"),
        Journey(name="overturned", walk=_overturned, ends="approved"),
        Journey(name="registry outage", walk=_registry_outage, ends="rejected"),
        Journey(name="lost entity", walk=_lost_entity, ends="approved"),
        Journey(name="fresh start", walk=_fresh_start, ends="approved", variant={"cancel_abandoned": "allowed"}),
        Journey(name="released by an operator", walk=_released, ends="approved"),
        Journey(name="rejected by an operator", walk=_rejected_by_operator, ends="rejected", overrules_gu1=True),
        Journey(name="cancelled by an operator", walk=_cancelled_by_operator, ends="cancelled"),
        Journey(name="number corrected", walk=_corrected, ends="approved"),
        Journey(name="record replaced", walk=_replaced, ends="approved", variant={"number_change": "refused"}),
        Journey(name="attempts used up", walk=_used_up, ends="approved"),
    )
}
WHOLE = ("approve", "retry", "taken back", "review", "leave")
STOPPED = ("stop ready", "stop late")
