"""The one table: document number → what will happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from e2e.mock_gu1 import outcomes
from e2e.mock_gu1.outcomes import REGISTRY_CODES, Outcome, rejection
from e2e.mock_gu1.tax_ids import reduced


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    document: str
    name: str
    outcomes: tuple[Outcome, ...]
    """One per validation of the entity; the last one repeats."""
    hosted: bool = False
    origin: Literal["gu1", "ours"] = "ours"
    what: str
    refusal: str | None = None
    """The error code that refuses the entity."""
    busy_seconds: float = 0.0
    """Seconds for which every call for this number gets 503, from the first call on."""

    def outcome(self, number: int, *, registry_asked: bool) -> Outcome:
        """`number` counts the entity's validations from 1."""
        planned = self.outcomes[min(number, len(self.outcomes)) - 1]
        return outcomes.APPROVE if planned.needs_registry and not registry_asked else planned


_OUTDATED_CARD = rejection("RENAPER_TRAMITE_ID_NOT_MATCH")

_REGISTRY_ROWS = tuple(
    Scenario(
        document=str(99990011 + index),
        name=code.lower(),
        outcomes=(rejection(code),),
        what=f"Rejected by the registry with {code}.",
    )
    for index, code in enumerate(REGISTRY_CODES[:-1])
)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        document="99990001",
        name="approved",
        outcomes=(outcomes.APPROVE,),
        origin="gu1",
        what="Approved without a hosted page; gu1's own sandbox number.",
    ),
    Scenario(
        document="99990002",
        name="document_expired",
        outcomes=(rejection("DOCUMENT_EXPIRED"),),
        what="Rejected because the document has expired.",
    ),
    Scenario(
        document="99990003",
        name="in_review",
        outcomes=(outcomes.REVIEW,),
        what="Sent to a person for review, and stays there.",
    ),
    Scenario(
        document="99990004",
        name="cancelled",
        outcomes=(outcomes.CANCEL,),
        what="Cancelled by the organization.",
    ),
    Scenario(
        document="99990005",
        name="expired",
        outcomes=(outcomes.EXPIRE,),
        what="The session expires.",
    ),
    *_REGISTRY_ROWS,
    Scenario(
        document="99990016",
        name="renaper_tramite_id_not_match",
        outcomes=(_OUTDATED_CARD, outcomes.APPROVE),
        what="Rejected for an outdated card with RENAPER_TRAMITE_ID_NOT_MATCH, approved at the second attempt.",
    ),
    Scenario(
        document="99990021",
        name="liveness_face_attack",
        outcomes=(rejection("LIVENESS_FACE_ATTACK"),),
        what="Rejected for a suspected spoofing attempt.",
    ),
    Scenario(
        document="99990022",
        name="low_face_match",
        outcomes=(rejection("LOW_FACE_MATCH_SIMILARITY"), outcomes.APPROVE),
        what="Rejected because the face does not match, approved at the second attempt.",
    ),
    Scenario(
        document="99990031",
        name="approved_then_registry_rejects",
        outcomes=(outcomes.APPROVE_THEN_REGISTRY_REJECTS,),
        what="Approved, and five seconds later rejected by the registry.",
    ),
    Scenario(
        document="99990041",
        name="unknown_status",
        outcomes=(outcomes.FREEZE,),
        what="Ends in a status that nobody knows.",
    ),
    Scenario(
        document="30000001",
        name="hosted_approved",
        outcomes=(outcomes.APPROVE,),
        hosted=True,
        what="The hosted page approves.",
    ),
    Scenario(
        document="30000016",
        name="hosted_outdated_card",
        outcomes=(_OUTDATED_CARD, outcomes.APPROVE),
        hosted=True,
        what="The hosted page rejects with RENAPER_TRAMITE_ID_NOT_MATCH, and approves at the second attempt.",
    ),
    Scenario(
        document="30000400",
        name="entity_refused",
        outcomes=(outcomes.APPROVE,),
        hosted=True,
        what="gu1 refuses the document number with INVALID_TAX_ID.",
        refusal="INVALID_TAX_ID",
    ),
    Scenario(
        document="30000503",
        name="gu1_down",
        outcomes=(outcomes.APPROVE,),
        hosted=True,
        what="gu1 is down for 20 seconds, then the hosted page approves.",
        busy_seconds=20.0,
    ),
)

_BY_DOCUMENT = {scenario.document: scenario for scenario in SCENARIOS}


def scenario_for(tax_id: str) -> Scenario | None:
    """Compares letters and digits only; finds a CUIT or CUIL also by its DNI."""
    digits = reduced(tax_id)
    inner = digits[2:10] if len(digits) == 11 else digits
    return _BY_DOCUMENT.get(digits) or _BY_DOCUMENT.get(inner)
