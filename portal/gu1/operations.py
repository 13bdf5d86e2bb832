"""The calls that are made to gu1, and what the failure of each one means."""

from __future__ import annotations

from dataclasses import dataclass

from portal.domain.errors import Gu1Error, Malformed, NotSent, OutcomeUnknown, Refused, Unavailable

_OUTCOMES: dict[type[Gu1Error], str] = {
    NotSent: "not_sent",
    Unavailable: "unavailable",
    Refused: "refused",
    OutcomeUnknown: "unknown",
    Malformed: "malformed",
}


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    method: str
    repeatable: bool = False
    """Whether once more would do no harm and cost nothing; true of every read."""

    def failed(self, why: str, *, retry_after: float | None = None) -> Gu1Error:
        """A failure after which nobody knows whether it was done; where that matters, it says so."""
        message = f"{self.name}: {why}"
        return Unavailable(message, retry_after=retry_after) if self.repeatable else OutcomeUnknown(message)


CREATE_ENTITY = Operation("create_entity", "POST")
FIND_ENTITY = Operation("find_entity", "GET", repeatable=True)
FIND_ENTITY_BY_TAX_ID = Operation("find_entity_by_tax_id", "GET", repeatable=True)
READ_ENTITY_STATUS = Operation("read_entity_status", "GET", repeatable=True)
CREATE_VALIDATION = Operation("create_validation", "POST")
READ_VALIDATION = Operation("read_validation", "GET", repeatable=True)
READ_CURRENT = Operation("read_current", "GET", repeatable=True)
LIST_VALIDATIONS = Operation("list_validations", "GET", repeatable=True)
SYNC_VALIDATION = Operation("sync_validation", "POST", repeatable=True)
CANCEL_VALIDATION = Operation("cancel_validation", "DELETE")
LOOK = Operation("look", "GET", repeatable=True)
"""At anything, for finding out which gu1 this is."""

OK = "ok"
PARTLY_MALFORMED = "partly_malformed"
"""A list of which some rows could not be read."""


def outcome_of(error: Gu1Error) -> str:
    return _OUTCOMES[type(error)]
