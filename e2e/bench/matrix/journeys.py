"""The applicant's possible journeys and their expected ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from e2e.bench.matrix.person import Act, Person

OUTDATED = "RENAPER_TRAMITE_ID_NOT_MATCH"


@dataclass(frozen=True, kw_only=True)
class Journey:
    name: str
    walk: Act
    ends: str
    variant: Mapping[str, Any] = field(default_factory=dict)
    """Options of the mock."""


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
    )
}
WHOLE = ("approve", "retry", "taken back", "review", "leave")
STOPPED = ("stop ready", "stop late")
